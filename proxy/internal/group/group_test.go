package group

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
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

// TestGroup_SharesAreThoseOfAllPairs: members are found by their names, and every
// pair that overlaps must be among those that are compared.
func TestGroup_SharesAreThoseOfAllPairs(t *testing.T) {
	t.Parallel()
	sites := [][]string{
		nil,
		{"a.example.com"},
		{"A.example.com.:8443"},
		{"a.example.com:9443", "b.example.com"},
		{"b.example.com:80"},
		{"*.example.com"},
		{"*.example.com:8443"},
		{"c.example.net", "*.example.org"},
		{"*"},
		{"[::1]:80"},
		{"[::1]:81", "[::1]:80"},
		{"x.example.org"},
		{"lonely.example"},
		{"a.example.com", "a.example.com:8443"},
	}
	check := func(members []*Member) {
		t.Helper()
		for _, m := range members {
			want := slices.ContainsFunc(members, func(other *Member) bool { return other != m && rules.HostsOverlap(m.Hosts, other.Hosts) })
			if m.Shares() != want {
				t.Errorf("a gate before %q, one of %d: got that it shares a host %v, want %v", m.Hosts, len(members), m.Shares(), want)
			}
		}
	}
	for first := range sites {
		var all Group
		var members []*Member
		var leaves []func()
		for i := range sites {
			m := all.NewMember()
			m.Shared, m.Hosts = &exchange.Shared{Identity: exchange.NewIdentity(fmt.Sprint(i))}, sites[(first+i)%len(sites)]
			members, leaves = append(members, m), append(leaves, m.Join())
			check(members)
		}
		for i, leave := range leaves {
			leave()
			check(members[i+1:])
		}
		if len(all.byName) > 0 {
			t.Errorf("got the hosts of members that have left: %v, want none", all.byName)
		}
	}
}

// TestGroup_RequestsSeeWhoJoinsAndLeaves: a gate that has left may be closed, and one
// that has joined must be found.
func TestGroup_RequestsSeeWhoJoinsAndLeaves(t *testing.T) {
	t.Parallel()
	const host = "a.example.com"
	var all Group
	join := func(name string) (m *Member, leave func()) {
		m = all.NewMember()
		m.Shared, m.Hosts = &exchange.Shared{Identity: exchange.NewIdentity(name)}, []string{host}
		return m, m.Join()
	}
	first, _ := join("first")
	beside := func() []*Member { return slices.Collect(first.at(host)) }
	second, leave := join("second")
	if got := beside(); !slices.Equal(got, []*Member{second}) {
		t.Errorf("got %d gates beside the first, want the second", len(got))
	}
	third, _ := join("third")
	if got := beside(); !slices.Equal(got, []*Member{second, third}) {
		t.Errorf("got %d gates beside the first, want the second and the third", len(got))
	}
	leave()
	if got := beside(); !slices.Equal(got, []*Member{third}) {
		t.Errorf("got %d gates beside the first after one has left, want the third", len(got))
	}
}
