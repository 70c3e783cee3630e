package redis

import (
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/redistest"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
	"github.com/flowsidecar/caddy-authentik/proxy/store/storetest"
)

// clusterRights are what the store needs in a cluster too.
const clusterRights = "+cluster|slots +command"

func addresses(servers []*redistest.Server) (all []string) {
	for _, s := range servers {
		all = append(all, s.Address)
	}
	return all
}

func TestStore_KeepsTheContractInACluster(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, addressed(addresses(servers)[:2]...)) })

	t.Run("records of all nodes are counted", func(t *testing.T) { expectCount(t, open(t, addressed(addresses(servers)...)), 500) })
	t.Run("names of all nodes in one call", func(t *testing.T) {
		s := open(t, addressed(addresses(servers)...))
		var names []string
		for i := range 100 {
			names = append(names, fmt.Sprintf("session-%d", i))
			save(t, s, names[i], record(names[i]))
		}
		for _, server := range servers {
			if n, is := server.Do("DBSIZE").(int64); !is || n < 10 {
				t.Errorf("got %v keys on one node, want them distributed", n)
			}
		}
		if revoked, err := s.Revoked(t.Context(), names...); err != nil || revoked {
			t.Fatalf("got revoked %t, %v", revoked, err)
		}
		revoke(t, s, names[70])
		if revoked, err := s.Revoked(t.Context(), names...); err != nil || !revoked {
			t.Fatalf("got revoked %t, %v", revoked, err)
		}
	})
	t.Run("revocations at every node reach every other", func(t *testing.T) {
		s := open(t, addressed(addresses(servers)...))
		other := open(t, Config{Addresses: addresses(servers)[1:], Prefix: s.cfg.Prefix})
		here, there := watchEstablished(t, s), watchEstablished(t, other)
		for i := range 20 {
			name := fmt.Sprintf("session-%d", i)
			revoke(t, s, name)
			here.expect(name, toldWithin)
			there.expect(name, toldWithin)
		}
		here.quiet()
	})
	t.Run("documented rights suffice", func(t *testing.T) {
		for _, server := range servers {
			rules := []any{"ACL", "SETUSER", "gate", "on", ">" + secret}
			for _, right := range strings.Fields(rights + " " + clusterRights) {
				rules = append(rules, right)
			}
			server.Do(rules...)
		}
		s := open(t, Config{Addresses: addresses(servers), Username: "gate", Password: secret, Prefix: "authentik:acl:"})
		l := watchEstablished(t, s)
		save(t, s, "session-a", record("one"))
		revoke(t, s, "session-a")
		l.expect("session-a", toldWithin)
		l.quiet()
	})
}

// The loss of any node is a loss of the watch, since names may be published
// there.
func TestWatch_LossOfAClusterNodeIsReportedUntilItIsBack(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	s := open(t, addressed(addresses(servers)...))
	l := watchEstablished(t, s)
	for i, server := range servers {
		server.Kill()
		for range 2 {
			l.drain()
			l.expect("", toldWithin)
		}
		server.Restart()
		server.Until("cluster_state:ok", "CLUSTER", "INFO")
		expectRecovery(t, l, s, fmt.Sprintf("session-%d", i))
	}
}

func TestStore_FollowsTheMasterBehindSentinel(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, "requirepass "+secret, "masterauth "+secret)
	replica := redistest.Start(t, "replicaof 127.0.0.1 "+processtest.Port(t, master.Address), "requirepass "+secret, "masterauth "+secret)
	sentinel := redistest.StartSentinel(t, "main", master, "requirepass s-"+secret, "sentinel auth-pass main "+secret)
	cfg := Config{
		Addresses: []string{sentinel.Address}, Master: "main", Prefix: "authentik:",
		Password: secret, SentinelPassword: "s-" + secret, Retries: 2,
	}
	s := open(t, cfg)
	l := watchEstablished(t, s)
	save(t, s, "session-a", record("one"))
	revoke(t, s, "session-b")
	l.expect("session-b", toldWithin)
	direct := goredis.NewClient(&goredis.Options{Addr: replica.Address, Password: secret})
	sentinels := goredis.NewClient(&goredis.Options{Addr: sentinel.Address, Password: "s-" + secret})
	t.Cleanup(func() { _, _ = direct.Close(), sentinels.Close() })
	eventually(t, "the replica is known and up to date", func() bool {
		n, err := direct.Exists(t.Context(), s.key("session-b")).Result()
		known, asked := sentinels.Do(t.Context(), "SENTINEL", "REPLICAS", "main").Slice()
		return err == nil && n == 1 && asked == nil && len(known) == 1
	})
	master.Kill()
	l.drain()
	l.expect("", toldWithin)
	eventually(t, "the replica is the master", func() bool {
		_, err := s.Save(t.Context(), "session-c", record("three"))
		return err == nil
	})
	expectValue(t, s, "session-a", "one")
	expectValue(t, s, "session-b", "")
	expectRecovery(t, l, s, "session-d")
	l.quiet()

	wrong := cfg
	wrong.SentinelPassword = "wrong"
	if _, _, err := open(t, wrong).Load(t.Context(), "session-a"); err == nil {
		t.Error("a wrong password for Sentinel: got no error, want one")
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("got no success within 30s: %s", what)
		}
	}
}
