package redistest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/internal/processtest"
)

// StartCluster starts a cluster of masters, which have a share of the slots
// each.
func StartCluster(t testing.TB, masters int, options ...string) []*Server {
	t.Helper()
	skipShort(t)
	servers := make([]*Server, masters)
	for i := range servers {
		bus := processtest.Port(t, processtest.Free(t))
		servers[i] = Start(t, append([]string{"cluster-enabled yes", "cluster-port " + bus, "cluster-node-timeout 3000"}, options...)...)
		share := 16384 / masters
		last := (i+1)*share - 1
		if i == masters-1 {
			last = 16383
		}
		servers[i].Do("CLUSTER", "ADDSLOTSRANGE", i*share, last)
		servers[i].Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		host, port, _ := net.SplitHostPort(servers[0].Address)
		if i > 0 {
			servers[i].Do("CLUSTER", "MEET", host, port, servers[0].bus())
		}
	}
	for _, s := range servers {
		s.until("the cluster is complete", func() bool {
			info := fmt.Sprint(s.Do("CLUSTER", "INFO"))
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_size:%d", masters))
		})
	}
	return servers
}

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts several servers")
	}
}

func (s *Server) bus() string {
	for _, option := range s.options {
		if port, found := strings.CutPrefix(option, "cluster-port "); found {
			return port
		}
	}
	return ""
}

// StartSentinel starts a Sentinel that decides about a master without others.
func StartSentinel(t testing.TB, name string, master *Server, options ...string) *Server {
	t.Helper()
	skipShort(t)
	host, port, _ := net.SplitHostPort(master.Address)
	s := &Server{TB: t, program: Program(t), dir: t.TempDir(), Address: processtest.Free(t), sentinel: true}
	s.options = append([]string{
		"bind 127.0.0.1", "port " + processtest.Port(t, s.Address), "dir " + s.dir,
		fmt.Sprintf("sentinel monitor %s %s %s 1", name, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000", name),
		fmt.Sprintf("sentinel failover-timeout %s 5000", name),
	}, options...)
	s.start()
	return s
}

// Do sends a command to the server, and fails the test if the command does.
func (s *Server) Do(args ...any) any {
	s.Helper()
	answer, err := s.try(args...)
	if err != nil {
		s.Fatalf("%v: %v", args, err)
	}
	return answer
}

func (s *Server) try(args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: s.Address, Protocol: 2, DisableIdentity: true})
	defer func() { _ = client.Close() }()
	return client.Do(ctx, args...).Result()
}

// until waits until a condition is true.
func (s *Server) until(what string, condition func() bool) {
	s.Helper()
	for begun := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > timeout {
			s.Fatalf("got no success within %v: %s", timeout, what)
		}
	}
}

// Until sends a command until part is in its answer.
func (s *Server) Until(part string, args ...any) {
	s.Helper()
	s.until(part, func() bool {
		answer, err := s.try(args...)
		return err == nil && strings.Contains(fmt.Sprint(answer), part)
	})
}
