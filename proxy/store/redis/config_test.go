package redis

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func TestEverythingWrongIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Addresses: []string{"redis", "redis://user:hunter2@redis:6379", ":6379", "redis:0", "redis:99999", "a:1", "a:1"},
		Username:  "gate", SentinelUsername: "gate",
		TLS:      &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it is refused
		Database: 3, Prefix: "{x}", ReadTimeout: -time.Second, Retries: -2, PoolSize: -1,
	})
	if err == nil {
		t.Fatal("all this was taken")
	}
	want := []string{
		`"redis" is no address`, "and no URL", `":6379" is no address`, `"redis:0" has no port`, `"redis:99999" has no port`, "a:1 is there twice",
		"a username needs a password", "a username for Sentinels needs a password", "takes every certificate", "no name of a master",
		"no database 3", "a time-out below zero", "a pool below zero", "a number of retries below zero", `"{x}" cannot stand before keys`,
	}
	for _, part := range want {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("nothing is said of %q", part)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(want) {
		t.Errorf("%d mistakes are reported, not %d:\n%v", n, len(want), err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a password is repeated")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "an address is required") {
		t.Errorf("without an address: %v", err)
	}
	if _, err := New(Config{Addresses: []string{"a:1"}, Database: -1}); err == nil {
		t.Error("database -1 was taken")
	}
}

func TestTheKindOfRedisFollowsFromTheAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"one address":           {at("a:1"), "*goredis.Client"},
		"an address of IPv6":    {at("[::1]:6379"), "*goredis.Client"},
		"several addresses":     {at("a:1", "b:1"), "*goredis.ClusterClient"},
		"one with a master":     {Config{Addresses: []string{"a:1"}, Master: "main", Database: 2}, "*goredis.Client"},
		"several with a master": {Config{Addresses: []string{"a:1", "b:1"}, Master: "main", SentinelPassword: "x"}, "*goredis.Client"},
	} {
		s := open(t, c.cfg)
		if got := fmt.Sprintf("%T", s.client); got != c.want {
			t.Errorf("%s: a %s", name, got)
		}
	}
}

func TestDefaultsAreSetForWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	s, err := New(at("a:1"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client, is := s.client.(*goredis.Client)
	if !is {
		t.Fatalf("a %T", s.client)
	}
	o := client.Options()
	if o.DialTimeout != DefaultDialTimeout || o.ReadTimeout != DefaultReadTimeout || o.WriteTimeout != DefaultWriteTimeout ||
		o.MaxRetries != DefaultRetries || s.cfg.Prefix != DefaultPrefix || !o.ContextTimeoutEnabled {
		t.Errorf("%+v", o)
	}
	never := open(t, Config{Addresses: []string{"a:1"}, Retries: -1})
	if client, is := never.client.(*goredis.Client); !is || client.Options().MaxRetries != 0 {
		t.Error("without retries there are some")
	}
}

func TestAConfigurationShowsNoSecret(t *testing.T) {
	t.Parallel()
	cfg := Config{Addresses: []string{"redis:6379"}, Username: "u", Password: "hunter2", SentinelPassword: "hunter3"}
	log := new(lines)
	log.logger().Info("x", "config", cfg)
	for _, text := range []string{fmt.Sprint(cfg), fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, &cfg), log.String()} {
		if strings.Contains(text, "hunter") || !strings.Contains(text, "redis:6379") {
			t.Error(text)
		}
	}
}

func TestWhatIsNotOverHasTimeLeftAndWhatIsOverHasNone(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]int64{
		-time.Hour: 0, 0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, time.Hour: 3_600_000, 1<<63 - 1: 9_223_372_036_855,
	} {
		if got := millis(left); got != want {
			t.Errorf("%v is %d ms, want %d", left, got, want)
		}
	}
}
