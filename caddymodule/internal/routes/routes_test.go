package routes

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestToldHosts_HaveThePortsOfTheServer(t *testing.T) {
	s := Site{
		Hosts: []string{"app.example.com", "2001:db8::1"},
		Ports: ports(&caddyhttp.Server{Listen: []string{":8443", "tcp/127.0.0.1:9000-9001", "unix//run/caddy.sock"}}),
	}
	want := "app.example.com app.example.com:8443 app.example.com:9000 app.example.com:9001 " +
		"[2001:db8::1] [2001:db8::1]:8443 [2001:db8::1]:9000 [2001:db8::1]:9001"
	if got := strings.Join(s.Told(), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
