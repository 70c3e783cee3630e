package streams

import (
	"bufio"
	"crypto/tls"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// A stream is one that a program holds open at one Caddy.
type stream struct {
	got    chan struct{} // gets something for each message, until it is full
	broken chan struct{} // is closed when the stream has broken off
}

func newStream() stream { return stream{make(chan struct{}, ticks), make(chan struct{})} }

func (s stream) message() {
	select {
	case s.got <- struct{}{}:
	default:
	}
}

// openSocket opens a WebSocket at one Caddy, over HTTP/1.1.
func openSocket(c *testsite.Caddy, cookies testsite.Cookies) stream {
	c.Helper()
	config, err := websocket.NewConfig(strings.Replace(c.Address, "http", "ws", 1)+"/socket", c.Address)
	if err != nil {
		c.Fatal(err)
	}
	config.Header.Set("Cookie", cookies.Header())
	config.TlsConfig = testsite.Insecure().TLSClientConfig
	conn, err := config.DialContext(c.Context())
	if err != nil {
		c.Fatalf("got error %v, want a WebSocket\n%s", err, c.Said())
	}
	s := newStream()
	go func() {
		defer close(s.broken)
		defer conn.Close() //nolint:errcheck // it has broken off
		for message := make([]byte, 100); ; s.message() {
			if _, err := conn.Read(message); err != nil {
				return
			}
		}
	}()
	return s
}

// openEvents opens an event stream at one Caddy, over HTTP/2 where that is
// spoken.
func openEvents(c *testsite.Caddy, cookies testsite.Cookies) stream {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.Address+"/events", nil)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Cookie", cookies.Header())
	req.Header.Set("Accept", "text/event-stream")
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, //nolint:gosec // the certificate authority is as old as the test
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		c.Fatal(err)
	}
	if want := map[bool]int{true: 2, false: 1}[strings.HasPrefix(c.Address, "https:")]; res.StatusCode != http.StatusOK || res.ProtoMajor != want {
		c.Fatalf("got an event stream with %s over %s, want 200 over HTTP/%d", res.Status, res.Proto, want)
	}
	s := newStream()
	go func() {
		defer close(s.broken)
		defer res.Body.Close() //nolint:errcheck // it has broken off
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			s.message()
		}
	}()
	return s
}

// TestStreams_EndWithTheirSessionAtTheOtherReplica has streams open at both of
// two Caddys, and ends the session at one.
func TestStreams_EndWithTheirSessionAtTheOtherReplica(t *testing.T) {
	t.Parallel()
	for where, start := range map[string]func(testsite.Setup, testing.TB) *testsite.Replicas{
		"on Redis": testsite.Setup.OnRedis, "on a shared storage": testsite.Setup.OnStorage,
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(where+" over "+scheme, func(t *testing.T) {
				t.Parallel()
				r := start(testsite.Setup{Scheme: scheme}.OIDC(), t)
				one, other := r.Each[0], r.Each[1]
				r.Register("app", one.Address)
				all := maps.Clone(ends)
				all["signing out"] = nil
				messages := ticks
				for how, end := range all {
					p := testsite.NewPerson(t, one.Address)
					p.SignIn()
					cookies := p.Cookies()
					open := []stream{openSocket(one, cookies), openEvents(one, cookies), openSocket(other, cookies), openEvents(other, cookies)}
					r.App.WaitOpen(t, 2)
					checkGoOn(t, open, messages)
					messages = 1
					if end == nil {
						p.SignOut()
					} else {
						end(r.Site, one)
					}
					checkBroken(t, how, open)
					r.App.WaitOpen(t, 0)
				}
			})
		}
	}
}

// checkGoOn fails the test unless every stream brings so many messages.
func checkGoOn(t testing.TB, all []stream, messages int) {
	t.Helper()
	for i := range messages * len(all) {
		s := all[i%len(all)]
		select {
		case <-s.got:
		case <-s.broken:
			t.Fatal("got a stream that has ended before its session")
		case <-time.After(testsite.Timeout):
			t.Fatal("got no message of an open stream")
		}
	}
}

// checkBroken fails the test unless all streams break off soon.
func checkBroken(t testing.TB, how string, all []stream) {
	t.Helper()
	begun, late := time.Now(), time.After(soon)
	for i, s := range all {
		select {
		case <-s.broken:
		case <-late:
			t.Fatalf("got stream %d open %v after the end by %s", i, soon, how)
		}
	}
	t.Logf("closed %v after the end by %s", time.Since(begun).Round(time.Millisecond), how)
}
