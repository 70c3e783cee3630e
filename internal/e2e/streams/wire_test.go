package streams

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// wires are protocols that Chromium does not speak to these sites: HTTP/2 in the
// clear, and HTTP/3 without a certificate that it trusts.
var wires = map[string]struct {
	setup     testsite.Setup
	transport func(t testing.TB) http.RoundTripper
	socket    func(r *http.Request) // makes it one that opens a WebSocket
	proto     string
}{
	"h2c": {
		testsite.Setup{Scheme: "http", Protocols: "h1 h2c", Env: []string{"GODEBUG=http2xconnect=1"}},
		func(t testing.TB) http.RoundTripper {
			//nolint:staticcheck // http.Transport sends no pseudo-header, and so opens no WebSocket.
			transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, address)
			}}
			t.Cleanup(transport.CloseIdleConnections) //nolint:staticcheck // likewise
			return transport
		},
		func(r *http.Request) { r.Header.Set(":protocol", "websocket") }, // RFC 8441
		"HTTP/2.0",
	},
	"HTTP/3": {
		testsite.Setup{Scheme: "https", Protocols: "h1 h2 h3"},
		func(t testing.TB) http.RoundTripper {
			transport := &http3.Transport{TLSClientConfig: testsite.Insecure().TLSClientConfig}
			t.Cleanup(func() { _ = transport.Close() })
			return transport
		},
		func(r *http.Request) { r.Proto = "websocket" }, // RFC 9220
		"HTTP/3.0",
	},
}

// TestStreams_OfEveryWireAreGuarded opens an event stream and a WebSocket with Go's
// clients, beside a page that is marked as private.
func TestStreams_OfEveryWireAreGuarded(t *testing.T) {
	t.Parallel()
	for name, tt := range wires {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tt.setup.Start(t)
			cookies := s.SignedIn(t).Cookies()
			transport := tt.transport(t)
			ask := func(path string, cookies testsite.Cookies) *http.Response {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Address+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if path == "/socket" {
					opensSocket(t, r, s.Address, tt.socket)
				}
				if cookies != nil {
					r.Header.Set("Cookie", cookies.Header())
				}
				res, err := transport.RoundTrip(r)
				if err != nil {
					t.Fatalf("%s: got error %v, want none", path, err)
				}
				t.Cleanup(func() { _ = res.Body.Close() })
				return res
			}
			page := ask("/streams", cookies)
			if got := page.Header.Get("Cache-Control"); page.StatusCode != http.StatusOK || page.Proto != tt.proto || got != "private, no-cache" {
				t.Errorf("page: got status %d over %s, Cache-Control %q, want 200 over %s, private, no-cache", page.StatusCode, page.Proto, got, tt.proto)
			}
			open := map[string]*http.Response{}
			for _, path := range []string{"/events", "/socket"} {
				if res := ask(path, nil); res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s without a session: got status %d, want 401", path, res.StatusCode)
				}
				res := ask(path, cookies)
				if n, err := io.ReadAtLeast(res.Body, make([]byte, 64), 16); res.StatusCode != http.StatusOK || err != nil {
					t.Fatalf("%s: got status %d and %d octets (%v), want 200 and a few", path, res.StatusCode, n, err)
				}
				open[path] = res
			}
			ended := make(chan error, len(open))
			for _, res := range open {
				go func() {
					_, err := io.Copy(io.Discard, res.Body)
					ended <- err
				}()
			}
			begun := time.Now()
			ends["the command"](s, s.Caddy)
			for range open {
				select {
				case err := <-ended:
					if errors.Is(err, context.Canceled) {
						t.Errorf("got %v, want an end by the server", err)
					}
				case <-time.After(testsite.Timeout):
					t.Fatal("got a stream that goes on after the end of its session")
				}
			}
			if took := time.Since(begun); took > soon+10*time.Second { // the command is a separate process
				t.Errorf("got streams open for %v after the end of their session, want at most %v", took, soon)
			}
		})
	}
}

// opensSocket makes a request one that opens a WebSocket, by CONNECT.
func opensSocket(t testing.TB, r *http.Request, origin string, mark func(*http.Request)) {
	reads, writes := io.Pipe()
	t.Cleanup(func() { _ = writes.Close() })
	r.Method, r.Body, r.ContentLength = http.MethodConnect, reads, -1
	r.Header.Set("Sec-Websocket-Version", "13")
	r.Header.Set("Origin", origin)
	mark(r)
}

// TestSocket_IsTheGETThatCaddyMakesOfIt: Caddy turns the CONNECT that opens a
// WebSocket into a GET with an Upgrade, after the gate's matchers have seen it.
func TestSocket_IsTheGETThatCaddyMakesOfIt(t *testing.T) {
	t.Parallel()
	for name, tt := range wires {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.setup.Routes = `@get method GET
	@upgrade {
		header Connection *Upgrade*
		header Upgrade websocket
	}
	authentik AUTHENTIK {
		only @get @upgrade
	}
	reverse_proxy APPLICATION`
			s := tt.setup.Start(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Address+"/socket", nil)
			if err != nil {
				t.Fatal(err)
			}
			opensSocket(t, r, s.Address, tt.socket)
			res, err := tt.transport(t).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("got status %d, want 401", res.StatusCode)
			}
		})
	}
}

// TestEarlyData_IsSentAgain: the address of a visitor is not verified in early data, and
// a visitor who may pass by it must not be led to a sign-in.
func TestEarlyData_IsSentAgain(t *testing.T) {
	t.Parallel()
	s := testsite.Setup{Scheme: "https", Protocols: "h1 h2 h3", Routes: `handle /.authentik/* {
		authentik AUTHENTIK
	}
	@office client_ip 127.0.0.1
	authentik AUTHENTIK {
		on @office {
			open
		}
	}
	reverse_proxy APPLICATION`}.Start(t)
	s.Users = append(s.Users, "")
	config := testsite.Insecure().TLSClientConfig.Clone()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, method := range []string{http.MethodGet, http3.MethodGet0RTT} {
		transport := &http3.Transport{TLSClientConfig: config, QUICConfig: &quic.Config{Allow0RTT: true}}
		r, err := http.NewRequestWithContext(t.Context(), method, s.Address+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body) // the ticket for the next connection comes meanwhile
		// The handshake may be complete before the handler looks.
		if res.StatusCode != http.StatusOK && (method == http.MethodGet || res.StatusCode != http.StatusTooEarly) {
			t.Errorf("%s: got status %d, want 200, or 425 for early data", method, res.StatusCode)
		}
		if err := errors.Join(res.Body.Close(), transport.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
