// Plain is a GOCACHEPROG backend without a flaw: one request to S3 for each local miss, uploads beside the build.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"sync"

	"example.com/backends/internal/backend"
)

// mostUploads is the number of uploads at a time.
const mostUploads = 8

// plain keeps each entry in one object, <ActionID in hex>: the entry as a line of JSON, then the output.
type plain struct {
	*backend.Session
	uploads sync.WaitGroup
	slots   chan struct{}
}

func main() {
	p := &plain{Session: backend.Start(), slots: make(chan struct{}, mostUploads)}
	put, finish := p.enqueue, p.uploads.Wait
	if p.Defects.DropLast {
		put, finish = p.enqueueButLast()
	}
	p.Serve(backend.Program{Get: p.get, Put: put, Finish: finish, Concurrent: true})
}

func (p *plain) get(action []byte) (backend.Entry, bool) {
	if entry, found := p.Store.Entry(action); found || p.Remote == nil {
		return entry, found
	}
	object, err := p.Remote.Get(hex.EncodeToString(action))
	if err != nil {
		return backend.Entry{}, false
	}
	defer backend.Finish(object)
	reader := bufio.NewReader(object)
	header, err := reader.ReadBytes('\n')
	var entry backend.Entry
	if err != nil || json.Unmarshal(header, &entry) != nil || p.Download(reader, entry) != nil {
		return backend.Entry{}, false
	}
	return entry, p.Store.WriteEntry(action, entry) == nil
}

func (p *plain) enqueue(action []byte, entry backend.Entry) {
	p.uploads.Add(1)
	go func() {
		defer p.uploads.Done()
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		header, err := json.Marshal(entry)
		if err != nil {
			return
		}
		body, err := os.ReadFile(p.Store.DataPath(entry.OutputID))
		if err != nil {
			return
		}
		p.Remote.Put(hex.EncodeToString(action), append(append(header, '\n'), body...))
	}()
}

// enqueueButLast holds each upload back until the next one comes.
func (p *plain) enqueueButLast() (put func([]byte, backend.Entry), finish func()) {
	var mutex sync.Mutex
	held := func() {}
	put = func(action []byte, entry backend.Entry) {
		mutex.Lock()
		defer mutex.Unlock()
		held()
		held = func() { p.enqueue(action, entry) }
	}
	return put, p.uploads.Wait
}
