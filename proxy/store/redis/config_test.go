package redis

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func TestNew_AllMistakesAreReported(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Addresses: []string{"redis", "redis://user:hunter2@redis:6379", ":6379", "redis:0", "redis:99999", "a:1", "a:1"},
		Username:  "gate", SentinelUsername: "gate",
		TLS:      &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it is refused
		Database: 3, Prefix: "{x}", ReadTimeout: -time.Second, Retries: -2, PoolSize: -1,
	})
	if err == nil {
		t.Fatal("got no error, want all mistakes")
	}
	want := []string{
		`"redis" is not an address`, "this is a URL", `":6379" is not an address`, `"redis:0" has no valid port`, `"redis:99999" has no valid port`, "a:1 is given twice",
		"redis: username has no password", "sentinel_username has no password", "sentinel_username is for Sentinels", "accepts any server",
		"database 3 does not exist", "timeout is negative", "pool size is negative", "number of retries is negative", `"{x}" cannot begin keys`,
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got no %q in the error", part)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) {
		t.Errorf("got %d mistakes, want %d:\n%v", n, len(want), err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("got a password in the error")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "address is missing") {
		t.Errorf("without an address: got %v, want an error that says so", err)
	}
	if _, err := New(Config{Addresses: []string{"a:1"}, Database: -1}); err == nil {
		t.Error("database -1: got no error, want one")
	}
}

func TestNew_ClientFollowsFromTheAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"one address":           {addressed("a:1"), "*redis.Client"},
		"an address of IPv6":    {addressed("[::1]:6379"), "*redis.Client"},
		"several addresses":     {addressed("a:1", "b:1"), "*redis.ClusterClient"},
		"one with a master":     {Config{Addresses: []string{"a:1"}, Master: "main", Database: 2}, "*redis.Client"},
		"several with a master": {Config{Addresses: []string{"a:1", "b:1"}, Master: "main", SentinelPassword: "x"}, "*redis.Client"},
	} {
		s := open(t, c.cfg)
		if got := fmt.Sprintf("%T", s.client); got != c.want {
			t.Errorf("%s: got a %s, want a %s", name, got, c.want)
		}
	}
}

func TestNew_SetsDefaults(t *testing.T) {
	t.Parallel()
	s, err := New(addressed("a:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client, is := s.client.(*goredis.Client)
	if !is {
		t.Fatalf("got a %T, want a client of one server", s.client)
	}
	o := client.Options()
	if o.DialTimeout != DefaultDialTimeout || o.ReadTimeout != DefaultReadTimeout || o.WriteTimeout != DefaultWriteTimeout ||
		o.MaxRetries != DefaultRetries || s.cfg.Prefix != DefaultPrefix || !o.ContextTimeoutEnabled {
		t.Errorf("got %+v, want the defaults", o)
	}
	never := open(t, Config{Addresses: []string{"a:1"}, Retries: -1})
	if client, is := never.client.(*goredis.Client); !is || client.Options().MaxRetries != 0 {
		t.Error("got retries, want none")
	}
}

func TestConfig_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	cfg := Config{Addresses: []string{"redis:6379"}, Username: "u", Password: "hunter2", SentinelPassword: "hunter3"}
	log := new(lines)
	log.logger().Info("x", "config", cfg)
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, &cfg), log.String()} {
		if strings.Contains(text, "hunter") || !strings.Contains(text, "redis:6379") {
			t.Errorf("got %s, want the address and no password", text)
		}
	}
}

func TestMillis_IsZeroOnlyForWhatHasExpired(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]int64{
		-time.Hour: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Hour: 3_600_000, 1<<63 - 1: 9_223_372_036_855,
	} {
		if got := millis(left); got != want {
			t.Errorf("%v: got %d ms, want %d", left, got, want)
		}
	}
}
