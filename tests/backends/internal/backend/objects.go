package backend

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"
)

// Objects keeps entries in S3 as the workshop does: <OutputID>-d holds an output, <ActionID>-a.json its entry. The IDs are in
// base64, with / written as -.
type Objects struct {
	*Session
	// sent holds the outputs that were sent, fetching a lock for each output that was fetched.
	sent, fetching sync.Map
}

// metadata is the JSON of an entry in S3.
type metadata struct {
	OutputID  []byte
	Size      int64 `json:",omitempty"`
	TimeNanos int64 `json:",omitempty"`
}

func name(id []byte, ending string) string {
	return strings.ReplaceAll(base64.StdEncoding.EncodeToString(id), "/", "-") + ending
}

// Upload sends an output that was not sent before, then its entry.
func (o *Objects) Upload(action []byte, entry Entry) {
	if _, sent := o.sent.LoadOrStore(string(entry.OutputID), true); !sent {
		body, err := os.ReadFile(o.Store.DataPath(entry.OutputID))
		if err == nil {
			err = o.Remote.Put(name(entry.OutputID, "-d"), body)
		}
		if err != nil {
			o.sent.Delete(string(entry.OutputID))
			return // an entry without its output is of no use
		}
	}
	text, err := json.Marshal(metadata{entry.OutputID, entry.Size, entry.Time.UnixNano()})
	if err != nil {
		log.Print(err)
		return
	}
	o.Remote.Put(name(action, "-a.json"), text)
}

// Fetch asks S3 whether there is an entry, for the entry, and for its output unless that is in the store.
func (o *Objects) Fetch(action []byte) (Entry, bool) {
	key := name(action, "-a.json")
	if o.Remote == nil || !o.Remote.Head(key) {
		return Entry{}, false
	}
	answer, err := o.Remote.Get(key)
	if err != nil {
		return Entry{}, false
	}
	var found metadata
	err = json.NewDecoder(answer).Decode(&found)
	Finish(answer)
	entry := Entry{found.OutputID, found.Size, time.Unix(0, found.TimeNanos).UTC()}
	if err != nil || len(entry.OutputID) != 32 {
		return Entry{}, false
	}
	lock, _ := o.fetching.LoadOrStore(string(entry.OutputID), &sync.Mutex{})
	lock.(*sync.Mutex).Lock()
	defer lock.(*sync.Mutex).Unlock()
	if o.Store.HasData(entry) {
		return entry, true
	}
	body, err := o.Remote.Get(name(entry.OutputID, "-d"))
	if err != nil {
		return Entry{}, false
	}
	defer Finish(body)
	return entry, o.Download(body, entry) == nil
}

// Download stores an output that comes from S3, if it is the one of its ID.
func (s *Session) Download(body io.Reader, entry Entry) error {
	draft, err := s.Store.Draft()
	if err != nil {
		return err
	}
	_, err = io.Copy(draft, body)
	isOther := draft.size != entry.Size || !bytes.Equal(draft.hash.Sum(nil), entry.OutputID)
	if err == nil && isOther && !s.Defects.noCheck {
		err = errors.New("the object in S3 is not the output of its ID")
	}
	return s.Store.Keep(draft, entry, err)
}
