package e2e

import (
	"bufio"
	"crypto/tls"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A held stream is one that a program holds open at one Caddy.
type held struct {
	told  chan struct{} // something came; full means enough
	broke chan struct{} // is closed when it has broken off
}

func newHeld() held { return held{make(chan struct{}, 20), make(chan struct{})} }

func (h held) hears() {
	select {
	case h.told <- struct{}{}:
	default:
	}
}

// cookieHeader is what a browser with these cookies sends.
func cookieHeader(cookies map[string]string) string {
	var pairs []string
	for name, value := range cookies {
		pairs = append(pairs, name+"="+value)
	}
	return strings.Join(pairs, "; ")
}

// socket opens a WebSocket at one Caddy, over HTTP/1.1.
func (c *caddy) socket(cookies map[string]string) held {
	c.Helper()
	config, err := websocket.NewConfig(strings.Replace(c.address, "http", "ws", 1)+"/socket", c.address)
	if err != nil {
		c.Fatal(err)
	}
	config.Header.Set("Cookie", cookieHeader(cookies))
	config.TlsConfig = insecure().TLSClientConfig
	conn, err := config.DialContext(c.Context())
	if err != nil {
		c.Fatalf("opening a WebSocket: %v\n%s", err, c.said())
	}
	h := newHeld()
	go func() {
		defer close(h.broke)
		defer conn.Close() //nolint:errcheck // it has broken off
		for message := make([]byte, 100); ; h.hears() {
			if _, err := conn.Read(message); err != nil {
				return
			}
		}
	}()
	return h
}

// events opens an event stream at one Caddy, over HTTP/2 where that is spoken.
func (c *caddy) events(cookies map[string]string) held {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodGet, c.address+"/events", nil)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("Cookie", cookieHeader(cookies))
	req.Header.Set("Accept", "text/event-stream")
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, //nolint:gosec // the certificate authority is as old as the test
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		c.Fatal(err)
	}
	if want := map[bool]int{true: 2, false: 1}[strings.HasPrefix(c.address, "https:")]; res.StatusCode != http.StatusOK || res.ProtoMajor != want {
		c.Fatalf("an event stream begins with %s over %s", res.Status, res.Proto)
	}
	h := newHeld()
	go func() {
		defer close(h.broke)
		defer res.Body.Close() //nolint:errcheck // it has broken off
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			h.hears()
		}
	}()
	return h
}

// at is a person who goes to one Caddy alone.
func (r *replicas) at(t testing.TB, c *caddy) *person {
	t.Helper()
	return &person{t, &site{caddy: c, standIn: r.standIn, app: r.app}, browser.New(insecure())}
}

// TestWhatStaysOpenEndsWithItsSessionAtTheOtherCaddy has streams open at both of two Caddys, and ends the session at one.
func TestWhatStaysOpenEndsWithItsSessionAtTheOtherCaddy(t *testing.T) {
	t.Parallel()
	for where, start := range map[string]func(setup, testing.TB) *replicas{"on Redis": setup.onRedis, "on a shared storage": setup.onStorage} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(where+" over "+scheme, func(t *testing.T) {
				t.Parallel()
				r := start(connected(setup{scheme: scheme}), t)
				one, other := r.each[0], r.each[1]
				r.meet("app", one.address)
				all := maps.Clone(ends)
				all["signing out"] = nil
				first := while
				for how, end := range all {
					p := r.at(t, one)
					p.greeted(p.enter(p.enter(p.open("/"), "uid_field", jane), "password", password), "/")
					cookies := p.cookies()
					open := []held{one.socket(cookies), one.events(cookies), other.socket(cookies), other.events(cookies)}
					r.app.opens(t, 2)
					goesOn(t, open, first)
					first = 0
					begun := time.Now()
					if end == nil {
						p.signOut()
					} else {
						end(r.site, one)
					}
					breakOff(t, how, begun, open)
					r.app.opens(t, 0)
				}
			})
		}
	}
}

// goesOn holds streams to say something again and again for so long, while nobody ends them.
func goesOn(t testing.TB, all []held, lasts time.Duration) {
	t.Helper()
	until := time.After(lasts)
	for _, h := range all {
		for range cap(h.told) {
			select {
			case <-h.told:
			case <-h.broke:
				t.Fatal("a stream has ended that nobody ended")
			case <-time.After(patience):
				t.Fatal("a stream says nothing any more")
			}
		}
	}
	<-until
	for _, h := range all {
		select {
		case <-h.broke:
			t.Fatal("a stream has ended that nobody ended")
		default:
		}
	}
}

// breakOff holds streams to have broken off soon.
func breakOff(t testing.TB, how string, begun time.Time, all []held) {
	t.Helper()
	late := time.After(soon)
	for i, h := range all {
		select {
		case <-h.broke:
		case <-late:
			t.Fatalf("stream %d is open %v after the end by %s", i, soon, how)
		}
	}
	t.Logf("closed %v after the end by %s was asked for", time.Since(begun).Round(time.Millisecond), how)
}
