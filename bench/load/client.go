package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An exchange is a request and what is expected of its answer.
type exchange struct {
	address string
	request []byte
	status  string              // the beginning of the answer
	head    bool                // the answer has no body
	took    func(time.Duration) // told of each answer, unless it is nil
}

// work returns what a contender does: send this request.
func (e exchange) work(ctx context.Context, o options, d time.Duration) (int, error) {
	return hammer(ctx, e, o.connections, o.requests, d)
}

// hammer sends the same request over several connections until the time or the
// number of requests is up, and returns how many were answered with 200. It
// speaks HTTP/1.1 by itself: net/http's client would take a larger part of the
// processor than the gate that is to be measured.
func hammer(ctx context.Context, e exchange, connections, requests int, d time.Duration) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, errTimeUp)
	defer cancel()
	var (
		left  atomic.Int64
		done  atomic.Int64
		group sync.WaitGroup
		errs  = make([]error, connections)
	)
	left.Store(int64(requests))
	for i := range connections {
		group.Go(func() {
			if errs[i] = send(ctx, e, &left, &done); errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	return int(done.Load()), errors.Join(errs...)
}

var errTimeUp = errors.New("the time is up")

// patience is how long an answer may take.
const patience = 5 * time.Second

// send sends requests over one connection, each when the last was answered.
func send(ctx context.Context, e exchange, left, done *atomic.Int64) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(context.WithoutCancel(ctx), "tcp", e.address)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	answers := bufio.NewReader(connection)
	for ctx.Err() == nil && left.Add(-1) >= 0 {
		if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		begun := time.Now()
		if _, err := connection.Write(e.request); err != nil {
			return err
		}
		if err := swallow(answers, e.status, e.head); err != nil {
			return err
		}
		if e.took != nil {
			e.took(time.Since(begun))
		}
		done.Add(1)
	}
	return nil
}

// swallow reads one answer, which must have the status and say how long it is.
func swallow(r *bufio.Reader, want string, head bool) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(status), "HTTP/1.1 "+want+" ") {
		return fmt.Errorf("the answer is %q", strings.TrimSpace(string(status)))
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := strings.Cut(string(line), ":"); strings.EqualFold(name, "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if head {
		return nil
	}
	if length < 0 {
		return errors.New("the answer does not say how long it is")
	}
	_, err = r.Discard(length)
	return err
}
