package gates

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// newWaiting returns the starter of a gate without a key, and says with which keys gates
// were made.
func newWaiting(t *testing.T) (s *Starter, keys *[]string) {
	t.Helper()
	keys = new([]string)
	s = &Starter{LetGo: func() error { return nil }, Storage: "storage of " + t.Name()}
	s.CreateKey = func(context.Context) ([]byte, error) { return []byte("the new key"), nil }
	s.NewGate = func(key []byte) (*proxy.Gate, error) {
		*keys = append(*keys, string(key))
		client, err := flowclient.New(flowclient.Config{URL: &url.URL{Scheme: "https", Host: "auth.example.com"}})
		if err != nil {
			return nil, err
		}
		store := proxy.NewMemory()
		t.Cleanup(func() { _ = store.Close() })
		return proxy.New(proxy.Config{Client: client, Store: store, Key: []byte(strings.Repeat(string(key), 5)), Logger: slog.New(slog.DiscardHandler)})
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s, keys
}

// TestStart_MakesTheGatesThatShareTheKey: each has to know who else stands before its
// hosts, and a login host has to be known on every server.
func TestStart_MakesTheGatesThatShareTheKey(t *testing.T) {
	t.Parallel()
	first, firstKeys := newWaiting(t)
	second, secondKeys := newWaiting(t)
	stopped, stoppedKeys := newWaiting(t)
	far, farKeys := newWaiting(t)
	foreign, foreignKeys := newWaiting(t)
	foreign.Storage = "another storage"
	here, elsewhere := new(caddyhttp.Server), new(caddyhttp.Server)
	groups := map[*Starter]*proxy.Group{}
	for s, on := range map[*Starter]*caddyhttp.Server{first: here, second: here, stopped: here, far: elsewhere, foreign: here} {
		_, group, unregister, err := Register(s, on)
		if err != nil {
			t.Fatal(err)
		}
		groups[s] = group
		t.Cleanup(func() { _ = unregister() })
	}
	if groups[first] != groups[second] || groups[first] == groups[far] {
		t.Error("got gates of two servers in one group, or of one server in two, want one group for each server")
	}
	if err := stopped.Stop(); err != nil {
		t.Fatal(err)
	}
	if gate, err := first.Running(t.Context()); gate == nil || err != nil {
		t.Fatalf("got %v, %v, want a gate", gate, err)
	}
	for name, tt := range map[string]struct {
		keys *[]string
		want int
	}{"asked": {firstKeys, 1}, "beside it": {secondKeys, 1}, "beside it, and stopped": {stoppedKeys, 0}, "of another server": {farKeys, 1}, "with another storage": {foreignKeys, 0}} {
		if got := *tt.keys; len(got) != tt.want || tt.want == 1 && got[0] != "the new key" {
			t.Errorf("%s: got gates made with the keys %q, want %d", name, got, tt.want)
		}
	}
	if far.server.anyBeside(far, func(*Starter) bool { return true }) {
		t.Error("got a gate beside the one of another server, want none")
	}
}

// TestStart_FailureOfAGateThatSharesTheKeyIsAnError: the sites would not know of each
// other.
func TestStart_FailureOfAGateThatSharesTheKeyIsAnError(t *testing.T) {
	t.Parallel()
	first, _ := newWaiting(t)
	broken, _ := newWaiting(t)
	cause := errors.New("broken")
	broken.NewGate = func([]byte) (*proxy.Gate, error) { return nil, cause }
	first.sharing = func() []*Starter { return []*Starter{broken} }
	if _, err := first.Running(t.Context()); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
}

// TestStart_KeyIsLoadedAndKeptOnceForAServer: hundreds of sites would read it again and
// again.
func TestStart_KeyIsLoadedAndKeptOnceForAServer(t *testing.T) {
	t.Parallel()
	var loads, keeps, kept atomic.Int32
	here := new(caddyhttp.Server)
	var starters []*Starter
	for range 3 {
		s, _ := newWaiting(t)
		s.KeepKey = func(ctx context.Context, _ []byte) {
			keeps.Add(1)
			<-ctx.Done()
			kept.Add(1)
		}
		_, _, unregister, err := Register(s, here)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unregister() })
		key, err := s.StoredKey(t.Context(), func(context.Context) ([]byte, error) { return fmt.Append(nil, "stored key ", loads.Add(1)), nil })
		if err != nil || string(key) != "stored key 1" {
			t.Errorf("got the key %q, %v, want that of the first", key, err)
		}
		if err := s.Start(key); err != nil {
			t.Fatal(err)
		}
		starters = append(starters, s)
	}
	for i, s := range starters {
		if n := kept.Load(); n > 0 {
			t.Errorf("got the key no longer kept with %d gates left, want it kept", len(starters)-i)
		}
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	for kept.Load() == 0 {
		runtime.Gosched()
	}
	if n := keeps.Load(); n != 1 {
		t.Errorf("got the key kept %d times at once, want once", n)
	}
}
