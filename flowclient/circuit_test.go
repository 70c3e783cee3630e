package flowclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hanging is an authentik that gives no answer until it is told to.
type hanging struct {
	asked   atomic.Int64
	answers atomic.Bool
	err     error // instead of waiting
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	h.asked.Add(1)
	if h.answers.Load() {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte("{}")))}, nil
	}
	if h.err != nil {
		return nil, h.err
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// newHanging returns a client of it, with a clock that stands still.
func newHanging(t *testing.T, h *hanging) (c *Client, now *atomic.Int64) {
	t.Helper()
	c, err := New(Config{URL: &url.URL{Scheme: "http", Host: "authentik"}, Transport: h, Timeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	now = new(atomic.Int64)
	c.circuit.now = func() time.Time { return time.Unix(1, now.Add(int64(20*time.Millisecond))) } // each look takes as long as a timeout
	return c, now
}

// asks has every kind of call made, and returns how many requests were sent.
func (h *hanging) asks(t *testing.T, c *Client) int64 {
	t.Helper()
	before := h.asked.Load()
	for name, call := range map[string]func() error{
		"Ask":   func() error { _, err := c.Ask(t.Context(), Visitor{}, Flow{Slug: "login"}); return err },
		"User":  func() error { _, err := c.User(t.Context(), Visitor{}); return err },
		"Brand": func() error { _, err := c.Brand(t.Context(), Visitor{}); return err },
		"Send": func() error {
			_, err := c.Relay().Send(t.Context(), Visitor{}, RelayRequest{Method: http.MethodGet, Path: "/"})
			return err
		},
		"HTTP": func() error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Root()+"x", nil)
			if err != nil {
				return err
			}
			resp, err := c.Relay().HTTP(Visitor{}).Do(r)
			if err == nil {
				err = resp.Body.Close()
			}
			return err
		},
	} {
		if err := call(); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v, want ErrUnreachable", name, err)
		}
	}
	return h.asked.Load() - before
}

func TestCircuit_AHangingAuthentikIsAskedOnce(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*hanging{
		"hangs":         {},
		"refuses":       {err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}},
		"hangs in dial": {err: &net.OpError{Op: "dial", Err: context.DeadlineExceeded}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, now := newHanging(t, h)
			if got := h.asks(t, c); got != 1 {
				t.Errorf("got %d requests of five calls, want 1", got)
			}
			now.Add(int64(pauseAfterFailure))
			if got := h.asks(t, c); got != 1 {
				t.Errorf("after the pause: got %d requests of five calls, want one probe", got)
			}
			h.answers.Store(true)
			now.Add(int64(pauseAfterFailure))
			for range 3 {
				if _, err := c.Relay().Send(t.Context(), Visitor{}, RelayRequest{Method: http.MethodGet, Path: "/"}); err != nil {
					t.Errorf("it answers again: got %v", err)
				}
			}
		})
	}
}

// TestCircuit_DeadConnectionsCostOneRequest: all connections to an authentik that
// has moved to another address are dead, and idle.
func TestCircuit_DeadConnectionsCostOneRequest(t *testing.T) {
	t.Parallel()
	var open, opened atomic.Int64
	var moved atomic.Bool
	type isOld struct{}
	together := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !moved.Load():
			if open.Add(1) == 3 {
				close(together)
			}
			<-together // so that each request has a connection of its own
		case r.Context().Value(isOld{}) == true:
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "{}")
	}))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		opened.Add(1)
		return context.WithValue(ctx, isOld{}, !moved.Load())
	}
	server.Start()
	t.Cleanup(server.Close)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := New(Config{URL: address(t, server.URL), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	var past atomic.Int64
	c.circuit.now = func() time.Time { return time.Now().Add(time.Duration(past.Load())) }
	ask := func() error {
		_, err := c.Relay().Send(t.Context(), Visitor{}, RelayRequest{Method: http.MethodGet, Path: "/"})
		return err
	}
	var first sync.WaitGroup
	for range 3 {
		first.Go(func() {
			if err := ask(); err != nil {
				t.Error(err)
			}
		})
	}
	first.Wait()
	moved.Store(true)
	c.timeout = 100 * time.Millisecond
	if err := ask(); !errors.Is(err, ErrUnreachable) || opened.Load() != 3 {
		t.Fatalf("got %v over %d connections, want ErrUnreachable over one of three", err, opened.Load())
	}
	c.timeout = defaultTimeout
	past.Add(int64(pauseAfterFailure))
	if err := ask(); err != nil {
		t.Errorf("got %v after the pause, want an answer over a new connection", err)
	}
}

func TestCircuit_OneProbeAtATime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	c := &circuit{now: func() time.Time { return now }}
	first, _ := c.enter(false)
	first.fail(true)
	if _, err := c.enter(false); !errors.Is(err, errHanging) {
		t.Errorf("in the pause: got %v, want errHanging", err)
	}
	now = now.Add(pauseAfterFailure)
	if _, err := c.enter(true); !errors.Is(err, errHanging) {
		t.Errorf("a request that waits for a person: got %v, want no probe", err)
	}
	probe, err := c.enter(false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.enter(false); !errors.Is(err, errHanging) {
		t.Errorf("beside the probe: got %v, want errHanging", err)
	}
	probe.fail(false) // its visitor has left
	probe, err = c.enter(false)
	if err != nil {
		t.Fatalf("after a probe that says nothing: got %v, want another", err)
	}
	probe.succeed()
	for range 2 {
		if _, err := c.enter(false); err != nil {
			t.Errorf("after an answer: got %v", err)
		}
	}
}

func TestCircuit_StaysClosedWithoutAnOutage(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	c := &circuit{now: func() time.Time { return now }}
	slow, _ := c.enter(false)
	now = now.Add(time.Second)
	other, _ := c.enter(false)
	other.succeed()
	slow.fail(true) // others are answered meanwhile
	if _, err := c.enter(false); err != nil {
		t.Errorf("one slow request: got %v", err)
	}
	h := &hanging{}
	client, _ := newHanging(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = client.User(ctx, Visitor{}) // a visitor who has left
	if client.circuit.open {
		t.Error("a canceled request: got an open circuit")
	}
	h.err = errors.New("connection reset by peer")
	_, _ = client.User(t.Context(), Visitor{})
	if client.circuit.open {
		t.Error("a connection that broke: got an open circuit")
	}
}

// TestClient_ReadsFewLargeAnswersAtOnce has authentik begin 50 answers of 256 KB
// and stop in the middle of each.
func TestClient_ReadsFewLargeAnswersAtOnce(t *testing.T) {
	t.Parallel()
	var reading atomic.Int64
	goOn := make(chan struct{})
	f := tripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1, Body: &halting{reading: &reading, goOn: goOn}}, nil
	})
	c, err := New(Config{URL: &url.URL{Scheme: "http", Host: "authentik"}, Transport: f})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := c.Relay().Send(t.Context(), Visitor{}, RelayRequest{Method: http.MethodGet, Path: "/"}); err != nil || len(got.Body) != 4*largeAnswer {
				t.Errorf("got %d bytes, %v", len(got.Body), err)
			}
		})
	}
	for reading.Load() < maxLarge {
		time.Sleep(time.Millisecond)
	}
	if len(c.large) != maxLarge {
		t.Errorf("got %d places taken, want %d", len(c.large), maxLarge)
	}
	close(goOn)
	all.Wait()
	if most := reading.Load(); most < maxLarge || len(c.large) != 0 {
		t.Errorf("got %d places taken at the end, want none", len(c.large))
	}
}

// A halting body waits once it is large.
type halting struct {
	sent    int
	reading *atomic.Int64
	goOn    chan struct{}
}

func (h *halting) Read(p []byte) (int, error) {
	switch h.sent {
	case 4 * largeAnswer:
		return 0, io.EOF
	case largeAnswer:
		if h.reading.Add(1) > maxLarge {
			select {
			case <-h.goOn:
			default:
				panic("more large answers are read than there are places")
			}
		}
		<-h.goOn
	}
	n := min(len(p), 4*largeAnswer-h.sent, largeAnswer-h.sent%largeAnswer)
	h.sent += n
	return n, nil
}

func (*halting) Close() error { return nil }
