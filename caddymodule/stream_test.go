package caddymodule

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
)

// newStreamer makes an application that sends without end: lines below /events,
// and to connections that are taken over at /socket.
func newStreamer(t testing.TB) *httptest.Server {
	t.Helper()
	const pause = 20 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.URL.Path != "/socket" {
			w.Header().Set("Content-Type", r.URL.Query().Get("type"))
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "data: tick\n\n")
				_ = c.Flush()
				time.Sleep(pause)
			}
			return
		}
		conn, _, err := c.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		for err == nil {
			_, err = io.WriteString(conn, "tick\n")
			time.Sleep(pause)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// A stream is a response that is being read.
type stream struct {
	name  string
	lines chan struct{} // one for each line, as far as there is room
	ended chan struct{}
}

// openStream sends a request as it is written, and reads what comes.
func (b *browser) openStream(path string, header ...string) *stream {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", b.address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	header = append([]string{"GET " + path + " HTTP/1.1", "Host: " + b.address, "Cookie: " + b.cookies()}, header...)
	_, _ = fmt.Fprintf(conn, "%s\r\n\r\n", strings.Join(header, "\r\n"))
	s := &stream{path, make(chan struct{}, 1), make(chan struct{})}
	lines := bufio.NewScanner(conn)
	if !lines.Scan() || !strings.Contains(lines.Text(), " 200 ") && !strings.Contains(lines.Text(), " 101 ") {
		b.Fatalf("got %q for %s, want a stream", lines.Text(), path)
	}
	go func() {
		defer close(s.ended)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "tick") {
				select {
				case s.lines <- struct{}{}:
				default:
				}
			}
		}
	}()
	return s
}

// goesOn waits for new lines.
func (s *stream) goesOn(t testing.TB) {
	t.Helper()
	for range 5 {
		select {
		case <-s.lines:
		case <-s.ended:
			t.Fatalf("got the end of %s, want it to go on", s.name)
		}
	}
}

// Streams that an old configuration has opened end with their session, which
// ends in the new one. Real times are not compared here; a stream that is not
// ended lasts until the test is over its time.
func TestReload_StreamsEndWithTheirSession(t *testing.T) {
	ends := map[string]func(*browser){
		"sign-out": func(b *browser) {
			b.do(http.MethodPost, "/.authentik/logout", url.Values{})
		},
		"administrator": func(b *browser) {
			running, _ := gates.Running()
			for gate := range running {
				if _, err := gate.Operator().EndAll(b.Context(), "ada"); err != nil {
					b.Fatal(err)
				}
			}
		},
	}
	for _, store := range []string{"storage", "memory"} {
		for name, end := range ends {
			t.Run(store+", "+name, func(t *testing.T) {
				s := newSite(t)
				app := newStreamer(t)
				config := func(n int) string {
					return fmt.Sprintf("SITE {\n\tauthentik AUTHENTIK {\n\t\tsessions %s\n\t}\n\theader X-Reload %d\n"+
						"\trespond / ok\n\treverse_proxy %s {\n\t\tstream_close_delay 1h\n\t}\n}\n", store, n, app.Listener.Addr())
				}
				s.load(config(0))
				b := s.browser()
				b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, "ok")
				streams := []*stream{
					b.openStream("/events?type=text/event-stream", "Accept: text/event-stream"),
					b.openStream("/events?type=application/x-ndjson", "Accept: */*"),
					b.openStream("/socket", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
				}
				for n := range 3 {
					s.load(config(n + 1))
				}
				for _, one := range streams {
					one.goesOn(t)
				}
				b.expect(b.get("/"), http.StatusOK, "ok")
				end(b)
				for _, one := range streams {
					<-one.ended
				}
			})
		}
	}
}

// TestUpgrade_ToHTTPReachesNoApplication: Caddy connects a client with an application
// that accepts an upgrade. In HTTP/2 it could send requests with a Remote-User.
func TestUpgrade_ToHTTPReachesNoApplication(t *testing.T) {
	s := newSite(t)
	var asked []string
	s.app.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Upgrade"))
		if to := r.Header.Get("Upgrade"); to != "" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", to)
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	})
	s.load("SITE {\n\tauthentik AUTHENTIK {\n\topen /public\n\t}\n\treverse_proxy APP\n}\n")
	b := s.browser()
	b.signIn("/", "ada")
	for upgrade, status := range map[string]int{"h2c": http.StatusOK, "HTTP/2.0": http.StatusOK, "tcp": http.StatusSwitchingProtocols} {
		for _, cookie := range []string{"", "Cookie: " + b.cookies()} {
			asked = nil
			got := s.raw("GET /public HTTP/1.1", "Connection: Upgrade", "Upgrade: "+upgrade, "HTTP2-Settings: AAMAAABkAAQAAP__", cookie)
			if got != status || len(asked) != 1 {
				t.Errorf("%s: got status %d, and the application was asked for the upgrades %q, want status %d and one request", upgrade, got, asked, status)
			}
		}
	}
}
