package backend

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// forever is how long a program that hangs does so: it must not stay on the machine for good.
const forever = 10 * time.Minute

// Defects are the faults that flags switch on. All are off by default.
type Defects struct {
	slowHandshake, stdoutOpen, leaveChild                           time.Duration
	exitAtOnce, noHandshake, garbage                                bool
	logOnStdout, unknownID, relativePath                            bool
	noCloseAnswer, hangAtEnd                                        bool
	errOnPut, noCheck, ignoreReput, DropLast, newConnections, twice bool
}

// parse reads the command line.
func (d *Defects) parse() {
	flag.DurationVar(&d.slowHandshake, "slow-handshake", 0, "wait this long before the handshake, such as 500ms")
	flag.BoolVar(&d.exitAtOnce, "exit-at-once", false, "exit with status 3, without a handshake")
	flag.BoolVar(&d.noHandshake, "no-handshake", false, "never send a handshake")
	flag.BoolVar(&d.garbage, "garbage", false, "write a line that is not JSON in the place of the handshake")
	flag.BoolVar(&d.logOnStdout, "log-on-stdout", false, "write a log line to stdout before the first answer")
	flag.BoolVar(&d.unknownID, "unknown-id", false, "answer a request that was never sent, before the first answer")
	flag.BoolVar(&d.relativePath, "relative-diskpath", false, "answer with a DiskPath relative to the working directory")
	flag.BoolVar(&d.errOnPut, "err-on-put", false, "answer each put with Err")
	flag.BoolVar(&d.noCheck, "no-check", false, "take what S3 sends without checking its size and SHA-256")
	flag.BoolVar(&d.ignoreReput, "ignore-reput", false, "keep the first entry of an action that is put again")
	flag.BoolVar(&d.DropLast, "drop-last-upload", false, "never send the last upload (plain only)")
	flag.BoolVar(&d.newConnections, "new-connections", false, "open a new connection for each S3 request")
	flag.BoolVar(&d.twice, "twice", false, "send each GET and PUT to S3 twice")
	flag.BoolVar(&d.noCloseAnswer, "no-close-answer", false, "never answer close, and live until stdin ends")
	flag.DurationVar(&d.stdoutOpen, "stdout-open", 0, "keep stdout open this long after close, such as 500ms")
	flag.DurationVar(&d.leaveChild, "leave-child", 0, "leave a child process behind that lives this long, such as 60s")
	flag.BoolVar(&d.hangAtEnd, "hang-at-end", false, "close stdout at the end of input, and live on")
	flag.Parse()
	if flag.NArg() > 0 {
		log.Fatalf("unknown argument %q; -help lists the flags", flag.Arg(0))
	}
}

// beforeHandshake does what goes wrong before it.
func (d *Defects) beforeHandshake() {
	time.Sleep(d.slowHandshake)
	if d.exitAtOnce {
		log.Print("exiting at once, as -exit-at-once asks")
		os.Exit(3)
	}
	if d.garbage {
		fmt.Println("Hello, I am a cache!")
	}
	if d.garbage || d.noHandshake {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
}

// beforeAnswers does what goes wrong before the first answer.
func (d *Defects) beforeAnswers(out *writer) {
	if d.logOnStdout {
		out.text("2025/01/01 12:00:00 INFO first request\n")
	}
	if d.unknownID {
		out.write(Response{ID: 1 << 40, Miss: true})
	}
}

// path is the DiskPath of an answer.
func (d *Defects) path(absolute string) string {
	if !d.relativePath {
		return absolute
	}
	folder, err := os.Getwd()
	if err != nil {
		return absolute
	}
	relative, err := filepath.Rel(folder, absolute)
	if err != nil {
		return absolute
	}
	return relative
}

// beforeExit does what goes wrong after the last answer.
func (d *Defects) beforeExit() {
	if d.leaveChild > 0 {
		child := exec.Command("sleep", fmt.Sprint(d.leaveChild.Seconds()))
		if err := child.Start(); err != nil {
			log.Print(err)
		}
	}
	time.Sleep(d.stdoutOpen)
	if d.hangAtEnd {
		os.Stdout.Close()
		io.Copy(io.Discard, os.Stdin)
		time.Sleep(forever)
	}
}
