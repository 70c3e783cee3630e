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
