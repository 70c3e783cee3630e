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

// hammer sends the same request over several connections until the time or the
// number of requests is up, and returns how many were answered with 200. It
// speaks HTTP/1.1 by itself: net/http's client would take a larger part of the
// processor than the gate that is to be measured.
func hammer(ctx context.Context, c contender, connections, requests int, d time.Duration) (int, error) {
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
			if errs[i] = send(ctx, c, &left, &done); errs[i] != nil {
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
func send(ctx context.Context, c contender, left, done *atomic.Int64) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(context.WithoutCancel(ctx), "tcp", c.address)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	answers := bufio.NewReader(connection)
	for ctx.Err() == nil && left.Add(-1) >= 0 {
		if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := connection.Write(c.request); err != nil {
			return err
		}
		if err := swallow(answers); err != nil {
			return err
		}
		done.Add(1)
	}
	return nil
}

// swallow reads one answer, which must be a 200 that says how long it is.
func swallow(r *bufio.Reader) error {
	status, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(status), "HTTP/1.1 200 ") {
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
	if length < 0 {
		return errors.New("the answer does not say how long it is")
	}
	_, err = r.Discard(length)
	return err
}
