package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// A wire is a gate with a signed-in client before a handler, over HTTP/1.1 or
// HTTP/2, with the responses marked as they are by default.
type wire struct {
	*httptest.Server
	client *http.Client
	cookie string
}

// overWire runs a test over both protocols.
func overWire(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, s *wire)) {
	t.Helper()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			t.Parallel()
			s := &wire{Server: httptest.NewUnstartedServer(nil)}
			_, _, client := newAuthentik(t)
			g := newGate(t, Config{Client: client, Store: newStore(t), Key: []byte(strings.Repeat("k", 32))})
			secret, _, err := startSession(t.Context(), g, session.Record{User: jane, Begun: time.Now(), Until: time.Now().Add(time.Hour)}, somewhere(s.Listener.Addr().String()))
			if err != nil {
				t.Fatal(err)
			}
			s.cookie = cookieNames(g).Session + "=" + secret.Cookie()
			s.Config.Handler = g.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Proto != proto || r.Header.Get("Remote-User") != jane.Username {
					t.Errorf("got a request of %q over %s, want one of %s over %s", r.Header.Get("Remote-User"), r.Proto, jane.Username, proto)
				}
				handler(w, r)
			}))
			s.EnableHTTP2 = proto == "HTTP/2.0"
			s.StartTLS()
			t.Cleanup(s.Close)
			s.client = s.Client()
			test(t, s)
		})
	}
}

// do sends a request and returns the response with its whole body.
func (s *wire) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	r.Header.Set("Cookie", s.cookie)
	res, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func (s *wire) request(ctx context.Context, t *testing.T, method string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantHeader(t *testing.T, h http.Header, name, want string) {
	t.Helper()
	if got := h.Get(name); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func TestWire_EarlyHintsComeFirst(t *testing.T) {
	t.Parallel()
	overWire(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(w, "body")
	}, func(t *testing.T, s *wire) {
		var early http.Header
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			if code == http.StatusEarlyHints {
				early = http.Header(h)
			}
			return nil
		}})
		res, body := s.do(t, s.request(ctx, t, http.MethodGet, nil))
		if early.Get("Link") == "" || early.Get("Cache-Control") != "" {
			t.Errorf("got early hints %v, want the link and nothing else", early)
		}
		if body != "body" {
			t.Errorf("got body %q", body)
		}
		wantHeader(t, res.Header, "Cache-Control", "private")
	})
}

func TestWire_TrailersArrive(t *testing.T) {
	t.Parallel()
	overWire(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("Content-Type", "application/grpc")
		_, _ = io.WriteString(w, "message")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", "fine")
	}, func(t *testing.T, s *wire) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			res, body := s.do(t, s.request(t.Context(), t, method, nil))
			if body != "message" {
				t.Errorf("%s: got body %q", method, body)
			}
			wantHeader(t, res.Trailer, "Grpc-Status", "0")
			wantHeader(t, res.Trailer, "Grpc-Message", "fine")
			wantHeader(t, res.Header, "Cache-Control", map[string]string{http.MethodGet: "private"}[method])
		}
	})
}

func TestWire_RangesOfFilesAndConditionsHold(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "report.pdf")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	overWire(t, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }, func(t *testing.T, s *wire) {
		whole, body := s.do(t, s.request(t.Context(), t, http.MethodGet, nil))
		if body != "0123456789" || whole.ContentLength != 10 {
			t.Errorf("got %d bytes: %q", whole.ContentLength, body)
		}
		wantHeader(t, whole.Header, "Cache-Control", "private")
		r := s.request(t.Context(), t, http.MethodGet, nil)
		r.Header.Set("Range", "bytes=2-4")
		part, body := s.do(t, r)
		if part.StatusCode != http.StatusPartialContent || body != "234" {
			t.Errorf("got status %d: %q, want 206: 234", part.StatusCode, body)
		}
		wantHeader(t, part.Header, "Content-Range", "bytes 2-4/10")
		wantHeader(t, part.Header, "Cache-Control", "private")
		r = s.request(t.Context(), t, http.MethodGet, nil)
		r.Header.Set("If-Modified-Since", whole.Header.Get("Last-Modified"))
		same, body := s.do(t, r)
		if same.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("got status %d: %q, want 304", same.StatusCode, body)
		}
		wantHeader(t, same.Header, "Cache-Control", "") // what the cache has is marked already
		head, _ := s.do(t, s.request(t.Context(), t, http.MethodHead, nil))
		if head.ContentLength != 10 {
			t.Errorf("HEAD: got length %d, want 10", head.ContentLength)
		}
		wantHeader(t, head.Header, "Cache-Control", "private")
	})
}

func TestWire_FlushedPartsArriveAtOnce(t *testing.T) {
	t.Parallel()
	for name, flush := range map[string]func(http.ResponseWriter) error{
		"controller": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"interface":  func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan struct{}, 2)
			overWire(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				if err := flush(w); err != nil {
					t.Error(err)
				}
				select {
				case <-next:
				case <-r.Context().Done():
				}
				_, _ = io.WriteString(w, "end")
			}, func(t *testing.T, s *wire) {
				r := s.request(t.Context(), t, http.MethodGet, nil)
				r.Header.Set("Cookie", s.cookie)
				res, err := s.client.Do(r) // waits forever unless the header is flushed
				next <- struct{}{}
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				wantHeader(t, res.Header, "Cache-Control", "private")
				if body, err := io.ReadAll(res.Body); string(body) != "end" || err != nil {
					t.Errorf("got %q, %v", body, err)
				}
			})
		})
	}
}

func TestWire_ExpectationOfABodyIsMet(t *testing.T) {
	t.Parallel()
	overWire(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Refuse") != "" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, err)
	}, func(t *testing.T, s *wire) {
		s.client.Transport.(*http.Transport).ExpectContinueTimeout = time.Hour
		for _, method := range []string{http.MethodPut, http.MethodGet} {
			r := s.request(t.Context(), t, method, bytes.NewReader(make([]byte, 1<<20)))
			r.Header.Set("Expect", "100-continue")
			if _, body := s.do(t, r); body != "1048576 <nil>" {
				t.Errorf("%s: got %q, want the whole body", method, body)
			}
			r = s.request(t.Context(), t, method, bytes.NewReader(make([]byte, 1<<20)))
			r.Header.Set("Expect", "100-continue")
			r.Header.Set("X-Refuse", "1")
			if res, _ := s.do(t, r); res.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: got status %d, want 413", method, res.StatusCode)
			}
		}
	})
}

// A handler may take over the connection, as for a WebSocket.
func TestWire_ConnectionCanBeTakenOver(t *testing.T) {
	t.Parallel()
	for name, hijack := range map[string]func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		"controller": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
		"interface": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overWire(t, func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 {
					if _, ok := w.(http.Hijacker); ok {
						t.Error("got a Hijacker, which HTTP/2 has not")
					}
					return
				}
				conn, buf, err := hijack(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
				_ = buf.Flush()
				line, _ := buf.ReadString('\n')
				_, _ = buf.WriteString(line)
				_ = buf.Flush()
			}, func(t *testing.T, s *wire) {
				if s.EnableHTTP2 {
					s.do(t, s.request(t.Context(), t, http.MethodGet, nil))
					return
				}
				conn, err := (&tls.Dialer{Config: s.client.Transport.(*http.Transport).TLSClientConfig}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\nCookie: %s\r\n\r\nhello\n", s.Listener.Addr(), s.cookie)
				all, _ := io.ReadAll(conn)
				if !strings.HasPrefix(string(all), "HTTP/1.1 101 ") || !strings.HasSuffix(string(all), "\r\n\r\nhello\n") || strings.Contains(string(all), "Cache-Control") {
					t.Errorf("got %q", all)
				}
			})
		})
	}
}

// A handler that breaks off leaves no response that looks complete.
func TestWire_ResponseThatBreaksOffIsBroken(t *testing.T) {
	t.Parallel()
	overWire(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, s *wire) {
		r := s.request(t.Context(), t, http.MethodGet, nil)
		r.Header.Set("Cookie", s.cookie)
		res, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("got a complete body %q, want an error", body)
		}
	})
}
