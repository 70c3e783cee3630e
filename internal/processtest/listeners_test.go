package processtest

import (
	"net"
	"os"
	"testing"
)

// TestListeners_CountTheSocketsOfAPort counts before, while and after a socket
// listens.
func TestListeners_CountTheSocketsOfAPort(t *testing.T) {
	if _, err := os.Stat("/proc/net/tcp"); err != nil {
		t.Skip("this system does not say who listens: ", err)
	}
	address := Free(t)
	port := Port(t, address)
	check := func(want int) {
		t.Helper()
		if got, err := listeners(port); got != want || err != nil {
			t.Errorf("got %d sockets and %v, want %d", got, err, want)
		}
	}
	check(0)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	check(1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(0)
	if err := Settled(port); err != nil {
		t.Error(err)
	}
	if err := Settled("http"); err == nil {
		t.Error("got no error for a port that is no number")
	}
}
