package authentiktest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

func TestTheRouterPutsItsNameToAnswersOfTheCore(t *testing.T) {
	t.Parallel()
	c := raw(t, Config{})
	for _, path := range []string{executor("default-authentication-flow"), "/if/user/", "/absent", usersMe} {
		res, _ := c.send(http.MethodGet, path)
		wantHeaders(t, res.Header, "X-Powered-By", "authentik", "Vary", "Accept-Encoding | Accept-Language, Cookie")
	}
}

// TestWhatIsNobodysBusinessIsMarked is for tests of what stands before
// authentik: they look for these words.
func TestWhatIsNobodysBusinessIsMarked(t *testing.T) {
	t.Parallel()
	releases(t, func(t *testing.T, release Release) {
		c := raw(t, Config{Release: release, Path: "/auth/"})
		for path, text := range map[string]string{
			"/if/user/": "authentik user interface", "/if/admin/": "authentik admin interface", "/api/v3/core/users/": "authentik users",
			"/outpost.goauthentik.io/ping": "authentik outpost", "/-/metrics/": "authentik metrics",
		} {
			if res, body := c.send(http.MethodGet, path); res.StatusCode != http.StatusOK || !strings.Contains(body, text) {
				t.Errorf("%s: status %d, %s", path, res.StatusCode, body)
			}
		}
	})
}

func TestTheChannelStaysOpenWithoutAWord(t *testing.T) {
	t.Parallel()
	c := raw(t, Config{Path: "/auth/"})
	socket, err := websocket.Dial(strings.Replace(c.base, "http", "ws", 1)+"/ws/client/", "", c.base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := socket.Read(make([]byte, 1)); n > 0 || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("read %d bytes: %v", n, err)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	if res, _ := c.send(http.MethodGet, "/ws/client/"); res.StatusCode != http.StatusNotFound {
		t.Errorf("status %d for what is no WebSocket", res.StatusCode)
	}
}
