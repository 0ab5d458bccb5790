package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"os"
	"path/filepath"
	"time"
)

// Entry says which output an action gave.
type Entry struct {
	OutputID []byte
	Size     int64
	Time     time.Time
}

// Store is the folder of the local cache: <OutputID in hex>-d holds an output, <ActionID in hex>-a its entry.
type Store struct {
	folder string
}

// OpenStore opens the store in CACHE_DIR, else in .cache in the working directory.
func OpenStore() (*Store, error) {
	folder := os.Getenv("CACHE_DIR")
	if folder == "" {
		folder = ".cache"
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	return &Store{folder}, os.MkdirAll(folder, 0o755)
}

// DataPath is the absolute path of an output's file.
func (s *Store) DataPath(output []byte) string {
	return filepath.Join(s.folder, hex.EncodeToString(output)+"-d")
}

func (s *Store) entryPath(action []byte) string {
	return filepath.Join(s.folder, hex.EncodeToString(action)+"-a")
}

// Entry reads the entry of an action whose output is there in full.
func (s *Store) Entry(action []byte) (Entry, bool) {
	var entry Entry
	text, err := os.ReadFile(s.entryPath(action))
	if err != nil || json.Unmarshal(text, &entry) != nil {
		return Entry{}, false
	}
	return entry, s.HasData(entry)
}

// HasData reports whether the output of an entry is there in full.
func (s *Store) HasData(entry Entry) bool {
	info, err := os.Stat(s.DataPath(entry.OutputID))
	return err == nil && info.Size() == entry.Size
}

// WriteEntry stores the entry of an action; the last one wins.
func (s *Store) WriteEntry(action []byte, entry Entry) error {
	text, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	draft, err := s.Draft()
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	return draft.rename(s.entryPath(action), err)
}

// Draft is a file under a temporary name, with the SHA-256 of what was written.
type Draft struct {
	file *os.File
	size int64
	hash hash.Hash
}

// Draft creates a file under a temporary name.
func (s *Store) Draft() (*Draft, error) {
	file, err := os.CreateTemp(s.folder, "draft-*")
	if err != nil {
		return nil, err
	}
	return &Draft{file, 0, sha256.New()}, nil
}

func (d *Draft) Write(bytes []byte) (int, error) {
	written, err := d.file.Write(bytes)
	d.size += int64(written)
	d.hash.Write(bytes[:written])
	return written, err
}

// rename ends the draft: under its final name, or removed when err, the error of writing it, is one.
func (d *Draft) rename(path string, err error) error {
	if err = errors.Join(err, d.file.Close()); err == nil {
		err = os.Rename(d.file.Name(), path)
	}
	if err != nil {
		os.Remove(d.file.Name())
	}
	return err
}

// Keep gives a draft that was written with the error err the name of its output.
func (s *Store) Keep(draft *Draft, entry Entry, err error) error {
	return draft.rename(s.DataPath(entry.OutputID), err)
}
