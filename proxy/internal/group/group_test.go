package group

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// TestGroup_GatesOfOtherHostsAreStrangers: a name of a gate before another host
// leads nowhere, and a gate alone on its host is not named.
func TestGroup_GatesOfOtherHostsAreStrangers(t *testing.T) {
	t.Parallel()
	var all Group
	join := func(name string, hosts ...string) (m *Member, leave func()) {
		m = all.NewMember()
		m.Shared, m.Hosts = &exchange.Shared{Identity: exchange.NewIdentity(name)}, hosts
		return m, m.Join()
	}
	a, _ := join("login", "a.example.com")
	b, _ := join("strong", "b.example.com")
	if a.Shares() || b.Shares() {
		t.Error("got gates before different hosts that share one, want none")
	}
	wild, leave := join("weak", "*.example.com")
	if !a.Shares() || !wild.Shares() {
		t.Error("got gates before overlapping hosts that share none, want both to")
	}
	if _, ok := a.named(b.Shared.Identity.ID, "a.example.com"); ok {
		t.Error("got the gate of another host, want none")
	}
	if got, ok := a.named(wild.Shared.Identity.ID, "a.example.com"); !ok || got != wild {
		t.Errorf("got %v, %v, want the gate of all hosts", got, ok)
	}
	leave()
	if _, ok := a.named(wild.Shared.Identity.ID, "a.example.com"); ok || a.Shares() {
		t.Error("got a gate that has left, want none")
	}
}
