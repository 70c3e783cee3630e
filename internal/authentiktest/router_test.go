package authentiktest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

func TestRouter_AddsItsHeadersToAnswersOfTheCore(t *testing.T) {
	t.Parallel()
	c := raw(t, Config{})
	for _, path := range []string{executor("default-authentication-flow"), "/if/user/", "/absent", usersMe} {
		res, _ := c.send(http.MethodGet, path)
		wantHeaders(t, res.Header, "X-Powered-By", "authentik", "Vary", "Accept-Encoding | Accept-Language, Cookie")
	}
}

// TestRouter_ForbiddenAddressesHaveAMarker is for tests of proxies in front of
// authentik: they look for these markers.
func TestRouter_ForbiddenAddressesHaveAMarker(t *testing.T) {
	t.Parallel()
	releases(t, func(t *testing.T, release Release) {
		c := raw(t, Config{Release: release, Path: "/auth/"})
		for path, text := range map[string]string{
			"/if/user/": "authentik user interface", "/if/admin/": "authentik admin interface", "/api/v3/core/users/": "authentik users",
			"/outpost.goauthentik.io/ping": "authentik outpost", "/-/metrics/": "authentik metrics",
		} {
			if res, body := c.send(http.MethodGet, path); res.StatusCode != http.StatusOK || !strings.Contains(body, text) {
				t.Errorf("%s: got status %d, body %s", path, res.StatusCode, body)
			}
		}
	})
}

func TestRouter_WebSocketStaysOpenAndSilent(t *testing.T) {
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
		t.Errorf("got %d bytes and error %v from the WebSocket, want only a timeout", n, err)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	if res, _ := c.send(http.MethodGet, "/ws/client/"); res.StatusCode != http.StatusNotFound {
		t.Errorf("got status %d for a request that is not a WebSocket", res.StatusCode)
	}
}
