package backend

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Request is a request of go, without the body.
type Request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

// Response is an answer to go, or the handshake.
type Response struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// readRequest reads the next request; io.EOF when go has closed its end.
func readRequest(in *bufio.Reader) (Request, error) {
	for {
		line, err := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var request Request
			err := json.Unmarshal(line, &request)
			return request, err
		}
		if err != nil {
			return Request{}, err
		}
	}
}

// readBody copies the body of size bytes that follows a put, and reads on to its end when writing fails: go would wait.
func readBody(in *bufio.Reader, size int64, to io.Writer) error {
	if size == 0 {
		return nil
	}
	if err := skipTo(in, '"'); err != nil {
		return err
	}
	encoded := io.LimitReader(in, (size+2)/3*4)
	copied, err := io.Copy(to, base64.NewDecoder(base64.StdEncoding, encoded))
	if err == nil && copied != size {
		err = fmt.Errorf("the body has %d bytes in the place of %d", copied, size)
	}
	if _, rest := io.Copy(io.Discard, encoded); rest != nil {
		return rest
	}
	if end := skipTo(in, '"'); end != nil {
		return end
	}
	return err
}

// skipTo reads white space and the one byte that must follow.
func skipTo(in *bufio.Reader, wanted byte) error {
	for {
		found, err := in.ReadByte()
		switch {
		case err != nil:
			return err
		case found == wanted:
			return nil
		case found != '\n' && found != ' ':
			return fmt.Errorf("%q where %q should be", found, wanted)
		}
	}
}

// writer writes answers, one at a time.
type writer struct {
	mutex sync.Mutex
	out   io.Writer
}

func (w *writer) write(response Response) error {
	line, err := json.Marshal(response)
	if err != nil {
		return err
	}
	return w.text(string(line) + "\n")
}

func (w *writer) text(text string) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	_, err := io.WriteString(w.out, text)
	return err
}
