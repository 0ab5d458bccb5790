// Package backend holds what the three GOCACHEPROG programs share: the protocol, the local store, an S3 client and the defects.
package backend

import (
	"bufio"
	"errors"
	"io"
	"log"
	"os"
	"sync"
	"time"
)

// Session is one run of a program, from the handshake to its end.
type Session struct {
	Store *Store
	// Remote is nil without S3_ENDPOINT.
	Remote  *S3
	Defects Defects
	in      *bufio.Reader
	out     writer
	first   sync.Once
}

// Program is what the programs do differently.
type Program struct {
	// Get looks for the entry of an action; its output must be in the store then.
	Get func(action []byte) (Entry, bool)
	// Put is called when entry and output are in the store, before go is answered.
	Put func(action []byte, entry Entry)
	// Finish is called once, at close or at the end of input; nil for none.
	Finish func()
	// Concurrent answers each request in a goroutine of its own.
	Concurrent bool
}

// Start parses the flags, sends the handshake and opens both stores.
func Start() *Session {
	log.SetFlags(0)
	log.SetPrefix("cacheprog: ")
	s := &Session{in: bufio.NewReaderSize(os.Stdin, 64<<10), out: writer{out: os.Stdout}}
	s.Defects.parse()
	s.Defects.beforeHandshake()
	err := s.out.write(Response{KnownCommands: []string{"get", "put", "close"}})
	if err != nil {
		log.Fatal(err)
	}
	if s.Store, err = OpenStore(); err != nil {
		log.Fatal(err)
	}
	if s.Remote, err = openS3(&s.Defects); err != nil {
		log.Fatal(err)
	}
	return s
}

// Serve answers go's requests until it closes.
func (s *Session) Serve(program Program) {
	var open sync.WaitGroup
	for {
		request, err := readRequest(s.in)
		if err != nil || request.Command == "close" {
			open.Wait()
			s.finish(program, request, err)
			return
		}
		var draft *Draft
		if request.Command == "put" {
			draft, err = s.receive(request)
		}
		if !program.Concurrent {
			s.answer(program, request, draft, err)
			continue
		}
		open.Add(1)
		go func() {
			defer open.Done()
			s.answer(program, request, draft, err)
		}()
	}
}

// receive reads the body of a put into the store. Only errors of the store are returned.
func (s *Session) receive(request Request) (*Draft, error) {
	draft, err := s.Store.Draft()
	if err != nil {
		return nil, errors.Join(err, readBody(s.in, request.BodySize, io.Discard))
	}
	return draft, readBody(s.in, request.BodySize, draft)
}

func (s *Session) answer(program Program, request Request, draft *Draft, err error) {
	response := Response{ID: request.ID}
	switch request.Command {
	case "get":
		entry, found := program.Get(request.ActionID)
		if !found {
			response.Miss = true
			break
		}
		response.OutputID, response.Size, response.Time = entry.OutputID, entry.Size, &entry.Time
		response.DiskPath = s.Defects.path(s.Store.DataPath(entry.OutputID))
	case "put":
		if err = s.put(program, request, draft, err); err != nil {
			response.Err = err.Error()
			break
		}
		response.DiskPath = s.Defects.path(s.Store.DataPath(request.OutputID))
	default:
		response.Err = "unknown command " + request.Command
	}
	s.write(response)
}

func (s *Session) put(program Program, request Request, draft *Draft, err error) error {
	entry := Entry{OutputID: request.OutputID, Size: request.BodySize, Time: time.Now().UTC()}
	if draft == nil {
		return err
	}
	if err = s.Store.Keep(draft, entry, err); err != nil {
		return err
	}
	if s.Defects.errOnPut {
		return errors.New("the put failed, as -err-on-put asks")
	}
	if s.Defects.ignoreReput {
		if _, found := s.Store.Entry(request.ActionID); found {
			return nil
		}
	}
	if err = s.Store.WriteEntry(request.ActionID, entry); err != nil {
		return err
	}
	if s.Remote != nil {
		program.Put(request.ActionID, entry)
	}
	return nil
}

func (s *Session) write(response Response) {
	s.first.Do(func() { s.Defects.beforeAnswers(&s.out) })
	if err := s.out.write(response); err != nil {
		log.Printf("cannot answer go: %v", err)
	}
}

// finish ends the session at a close, or when reading fails with err: io.EOF where go ended without a close.
func (s *Session) finish(program Program, request Request, err error) {
	if err != nil && err != io.EOF {
		log.Printf("cannot read a request: %v", err)
	}
	if program.Finish != nil {
		program.Finish()
	}
	if err == nil {
		if s.Defects.noCloseAnswer {
			io.Copy(io.Discard, os.Stdin)
			return
		}
		log.New(os.Stderr, "", 0).Print("CacheProg used.")
		s.write(Response{ID: request.ID})
	}
	s.Defects.beforeExit()
}
