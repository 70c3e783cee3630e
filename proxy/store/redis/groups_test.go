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

// clusterRights are what the store needs besides in a cluster.
const clusterRights = "+cluster|slots +command"

func addresses(servers []*redistest.Server) (all []string) {
	for _, s := range servers {
		all = append(all, s.Address)
	}
	return all
}

func TestStoreInACluster(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	storetest.Run(t, func(t testing.TB) store.Store { return open(t, at(addresses(servers)[:2]...)) })

	t.Run("records of all nodes are counted", func(t *testing.T) { counted(t, open(t, at(addresses(servers)...)), 500) })
	t.Run("names of all nodes are asked for at once", func(t *testing.T) {
		s := open(t, at(addresses(servers)...))
		var names []string
		for i := range 100 {
			names = append(names, fmt.Sprintf("session-%d", i))
			save(t, s, names[i], record(names[i]))
		}
		for _, server := range servers {
			if n, is := server.Do("DBSIZE").(int64); !is || n < 10 {
				t.Errorf("one node has %v of all keys", n)
			}
		}
		if over, err := s.Revoked(t.Context(), names...); err != nil || over {
			t.Fatal(over, err)
		}
		bury(t, s, names[70])
		if over, err := s.Revoked(t.Context(), names...); err != nil || !over {
			t.Fatal(over, err)
		}
	})
	t.Run("burials at every node are heard of at every other", func(t *testing.T) {
		s := open(t, at(addresses(servers)...))
		other := open(t, Config{Addresses: addresses(servers)[1:], Prefix: s.cfg.Prefix})
		here, there := listen(t, s), listen(t, other)
		for i := range 20 {
			name := fmt.Sprintf("session-%d", i)
			bury(t, s, name)
			here.expect(name, told)
			there.expect(name, told)
		}
		here.settle()
		here.quiet(3 * time.Second)
	})
	t.Run("a user with the rights that are documented is enough", func(t *testing.T) {
		for _, server := range servers {
			rules := []any{"ACL", "SETUSER", "gate", "on", ">" + secret}
			for _, right := range strings.Fields(rights + " " + clusterRights) {
				rules = append(rules, right)
			}
			server.Do(rules...)
		}
		s := open(t, Config{Addresses: addresses(servers), Username: "gate", Password: secret, Prefix: "authentik:acl:"})
		l := listen(t, s)
		save(t, s, "session-a", record("one"))
		bury(t, s, "session-a")
		l.expect("session-a", told)
		l.settle()
		l.quiet(2 * time.Second)
	})
}

// Which of the nodes has gone does not matter: its part fails, and who watches
// cannot know what is published there.
func TestANodeOfAClusterThatGoesIsToldAndComesBack(t *testing.T) {
	t.Parallel()
	servers := redistest.StartCluster(t, 3)
	s := open(t, at(addresses(servers)...))
	l := listen(t, s)
	for i, server := range servers {
		server.Kill()
		for range 3 {
			l.forget()
			l.expect("", told)
		}
		server.Restart()
		server.Until("cluster_state:ok", "CLUSTER", "INFO")
		heardAfter(t, l, s, fmt.Sprintf("session-%d", i))
	}
}

func TestAStoreBehindSentinelFollowsTheMaster(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, "requirepass "+secret, "masterauth "+secret)
	replica := redistest.Start(t, "replicaof 127.0.0.1 "+processtest.Port(t, master.Address), "requirepass "+secret, "masterauth "+secret)
	sentinel := redistest.StartSentinel(t, "main", master, "requirepass s-"+secret, "sentinel auth-pass main "+secret)
	cfg := Config{
		Addresses: []string{sentinel.Address}, Master: "main", Prefix: "authentik:",
		Password: secret, SentinelPassword: "s-" + secret, Retries: 2,
	}
	s := open(t, cfg)
	l := listen(t, s)
	save(t, s, "session-a", record("one"))
	bury(t, s, "session-b")
	l.expect("session-b", told)
	at := goredis.NewClient(&goredis.Options{Addr: replica.Address, Password: secret})
	sentinels := goredis.NewClient(&goredis.Options{Addr: sentinel.Address, Password: "s-" + secret})
	t.Cleanup(func() { _, _ = at.Close(), sentinels.Close() })
	eventually(t, "the replica is known and has everything", func() bool {
		n, err := at.Exists(t.Context(), s.key("session-b")).Result()
		known, asked := sentinels.Do(t.Context(), "SENTINEL", "REPLICAS", "main").Slice()
		return err == nil && n == 1 && asked == nil && len(known) == 1
	})
	master.Kill()
	l.forget()
	l.expect("", told)
	eventually(t, "the replica is the master", func() bool {
		_, err := s.Save(t.Context(), "session-c", record("three"))
		return err == nil
	})
	holds(t, s, "session-a", "one")
	holds(t, s, "session-b", "")
	heardAfter(t, l, s, "session-d")
	l.settle()
	l.quiet(2 * time.Second)

	wrong := cfg
	wrong.SentinelPassword = "wrong"
	if _, _, err := open(t, wrong).Load(t.Context(), "session-a"); err == nil {
		t.Error("Sentinel takes every password")
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("not in time: %s", what)
		}
	}
}
