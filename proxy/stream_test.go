package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// endsWithin is how long a response may go on after its session has ended.
const endsWithin = 2 * time.Second

// A vouching authentik says that Jane is signed in, until it is told otherwise.
type vouching struct {
	silentAuthentik
	signedOut *atomic.Bool
	asked     *atomic.Pointer[flowclient.Visitor] // last
}

func (v vouching) User(_ context.Context, visitor flowclient.Visitor) (flowclient.User, error) {
	v.asked.Store(&visitor)
	if v.signedOut.Load() {
		return flowclient.User{}, flowclient.ErrUnauthenticated
	}
	return flowclient.User{Username: jane.Username, Name: jane.Name, Email: jane.Email, UID: jane.UID, Active: true}, nil
}

// streaming are gates with one store, and a session at each of them.
type streaming struct {
	testing.TB
	store     Store
	family    *Family
	signedOut atomic.Bool // at authentik
	asked     atomic.Pointer[flowclient.Visitor]
	*Gate
	cookie string
}

func newStreaming(t testing.TB, change func(*Config)) *streaming {
	t.Helper()
	s := &streaming{TB: t, store: newStore(t), family: new(Family)}
	s.Gate = s.gate(change)
	now := time.Now()
	secret, _, err := startSession(t.Context(), s.Gate, session.Record{User: jane, Begun: now, Checked: now, Used: now, Until: now.Add(s.cfg.Lifetime)}, somewhere("app.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	s.cookie = secret.Cookie()
	return s
}

// gate makes a further gate of the family.
func (s *streaming) gate(change func(*Config)) *Gate {
	s.Helper()
	cfg := Config{
		Client: vouching{signedOut: &s.signedOut, asked: &s.asked}, Store: s.store, Key: []byte(strings.Repeat("k", seal.MinKey)), Family: s.family,
	}
	if change != nil {
		change(&cfg)
	}
	return newGate(s, cfg)
}

// open begins a request that runs until its context ends, and returns what tells
// how it has ended.
func (s *streaming) open(method string, header http.Header) <-chan error {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), method, "https://app.example.com/live", nil)
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.AddCookie(&http.Cookie{Name: cookieNames(s.Gate).Session, Value: s.cookie})
	opened, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Guard(httptest.NewRecorder(), r, func(_ http.ResponseWriter, r *http.Request) error {
			close(opened)
			<-r.Context().Done()
			return context.Cause(r.Context())
		})
	}()
	select {
	case <-opened:
	case err := <-ended:
		s.Fatalf("got an end before the request has passed: %v", err)
	}
	return ended
}

// runs fails the test if a request has ended.
func (s *streaming) runs(ended <-chan error) {
	s.Helper()
	synctest.Wait()
	select {
	case err := <-ended:
		s.Fatalf("got an end (%v), want a response that goes on", err)
	default:
	}
}

// ends fails the test unless a request ends with its session within the time
// that is promised.
func (s *streaming) ends(ended <-chan error) {
	s.Helper()
	time.Sleep(endsWithin)
	synctest.Wait()
	select {
	case err := <-ended:
		if !errors.Is(err, session.ErrEnded) {
			s.Errorf("got the end %v, want %v", err, session.ErrEnded)
		}
	default:
		s.Errorf("got a response that goes on %v after the end of its session", endsWithin)
	}
}

func (s *streaming) end(by *Gate) {
	s.Helper()
	if _, err := by.Operator().EndAll(s.Context(), jane.Username); err != nil {
		s.Fatal(err)
	}
}

func TestStream_EveryRunningRequestEndsWithItsSession(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		method string
		header http.Header
	}{
		"nothing said":  {http.MethodGet, nil},
		"anything":      {http.MethodGet, http.Header{"Accept": {"*/*"}}},
		"other capital": {http.MethodGet, http.Header{"Accept": {"Text/Event-Stream"}}},
		"event stream":  {http.MethodGet, http.Header{"Accept": {"text/event-stream"}}},
		"lines of JSON": {http.MethodGet, http.Header{"Accept": {"application/x-ndjson"}}},
		"gRPC":          {http.MethodPost, http.Header{"Content-Type": {"application/grpc"}}},
		"upload":        {http.MethodPut, nil},
		"WebSocket":     {http.MethodGet, http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}},
	} {
		for _, age := range []time.Duration{0, 300 * time.Millisecond, 700 * time.Millisecond, 65 * time.Second} { // reviews are every 15 s
			t.Run(fmt.Sprintf("%s after %v", name, age), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newStreaming(t, nil)
					ended := s.open(row.method, row.header)
					time.Sleep(age)
					s.runs(ended)
					s.end(s.Gate)
					s.ends(ended)
					if left := s.family.members.Streams.Len(); left != 0 {
						t.Errorf("got %d streams afterwards, want none", left)
					}
				})
			})
		}
	}
}

// The session was found, and its end is announced before the request is followed.
func TestStream_ThatBeginsJustAfterTheEndOfItsSessionEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		found, err := findSession(t.Context(), s.Gate, s.cookie, somewhere("app.example.com"))
		if err != nil || found == nil {
			t.Fatal(found, err)
		}
		s.end(s.Gate)
		one := s.sessions.Follow(t.Context(), httptest.NewRecorder(), s.cookie, "app.example.com", found, 0)
		defer one.Finish()
		time.Sleep(endsWithin)
		synctest.Wait()
		if !errors.Is(context.Cause(one), session.ErrEnded) {
			t.Errorf("got the cause %v, want %v", context.Cause(one), session.ErrEnded)
		}
	})
}

func TestStream_EndsWithTheLifetime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(c *Config) { c.Lifetime = 20 * time.Minute })
		ended := s.open(http.MethodGet, nil)
		time.Sleep(20*time.Minute - time.Second)
		s.runs(ended)
		time.Sleep(time.Second)
		s.ends(ended)
	})
}

// A request that is running is a use of its session.
func TestStream_KeepsItsSessionFromBeingIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, func(c *Config) { c.Idle = 2 * time.Minute })
		ended := s.open(http.MethodPut, nil)
		time.Sleep(30 * time.Minute)
		s.runs(ended)
		if found, err := findSession(t.Context(), s.Gate, s.cookie, somewhere("app.example.com")); found == nil || err != nil {
			t.Fatalf("got no session (%v) while one of its requests runs", err)
		}
	})
}

// A server replaces its configuration, and with it the gate. What the old gate
// has admitted ends with its session, whichever gate ends that session.
func TestStream_OutlivesItsGateAndEndsWithItsSession(t *testing.T) {
	t.Parallel()
	ends := map[string]func(s *streaming, next *Gate){
		"by the next gate": func(s *streaming, next *Gate) { s.end(next) },
		"by the store": func(s *streaming, _ *Gate) {
			_, list, err := s.sessions.Index.List(s.Context(), jane.UID)
			if err != nil || len(list) != 1 {
				s.Fatal(list, err)
			}
			if err := s.store.Revoke(s.Context(), list[0].Name, list[0].Until); err != nil {
				s.Fatal(err)
			}
		},
		"by a recheck": func(s *streaming, _ *Gate) {
			s.signedOut.Store(true)
			time.Sleep(s.cfg.Recheck)
		},
		"by time": func(s *streaming, _ *Gate) { time.Sleep(s.cfg.Lifetime) },
	}
	for name, end := range ends {
		for _, replaced := range []bool{true, false} {
			if !replaced && name == "by the next gate" {
				continue
			}
			t.Run(fmt.Sprintf("%s, replaced: %v", name, replaced), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newStreaming(t, nil)
					ended := s.open(http.MethodGet, nil)
					var next *Gate
					if replaced {
						next = s.gate(nil)
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Hour)
					s.runs(ended)
					end(s, next)
					s.ends(ended)
					synctest.Wait()
					select {
					case <-s.Closed():
					default:
						t.Error("got a closed gate that goes on without a request")
					}
				})
			})
		}
	}
}

func TestStream_OfAnotherSessionGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStreaming(t, nil)
		ended := s.open(http.MethodGet, nil)
		other := s.gate(nil)
		now := time.Now()
		_, joe, err := startSession(t.Context(), other, session.Record{User: User{Username: "joe", UID: "joe"}, Begun: now, Until: now.Add(time.Hour)}, somewhere("app.example.com"))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if err := other.sessions.End(t.Context(), joe); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.runs(ended)
		s.end(other)
		s.ends(ended)
	})
}

// Handlers that wait for a slow client do not look at the context of their
// request: its connection fails.
func TestStream_OfASlowClientEndsWithItsSession(t *testing.T) {
	t.Parallel()
	handlers := map[string]http.HandlerFunc{
		"download": func(w http.ResponseWriter, _ *http.Request) {
			for line := strings.Repeat("x", 1<<16); ; {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		},
		"upload": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"taken over": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = bufio.NewReader(conn).ReadByte()
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStreaming(t, func(c *Config) {
				c.Resolve = func(r *http.Request) Resolved {
					at := somewhere("app.example.com")
					at.Asked = r.URL
					return at
				}
			})
			begun, returned := make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(returned)
				close(begun)
				handler(w, r)
			})))
			t.Cleanup(server.Close)
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = fmt.Fprintf(conn, "POST /big HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 9\r\nCookie: %s=%s\r\n\r\n", cookieNames(s.Gate).Session, s.cookie)
			<-begun
			s.end(s.Gate)
			<-returned
		})
	}
}
