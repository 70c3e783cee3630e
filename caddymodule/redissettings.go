package caddymodule

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
	redisstore "github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

// redisKey is the place of the store with the same settings in the pool. They are there as a
// hash, as there are secrets among them.
type redisKey [sha256.Size]byte

// settings lists the options that take one value, as those of Handler.
func (r *Redis) settings() []options.Setting {
	all := []options.Setting{
		{Name: "redis master", Value: &r.Master, Check: options.Text, Example: "master main"},
		{Name: "redis username", Value: &r.Username, Check: options.Text, Example: "username caddy"},
		{Name: "redis password", Value: &r.Password, Check: options.Secret, Example: "password {env.REDIS_PASSWORD}"},
		{Name: "redis sentinel_username", Value: &r.SentinelUsername, Check: options.Text, Example: "sentinel_username caddy"},
		{Name: "redis sentinel_password", Value: &r.SentinelPassword, Check: options.Secret, Example: "sentinel_password {env.SENTINEL_PASSWORD}"},
		{Name: "redis database", Value: &r.Database, Check: checkDatabase, Example: "database 0"},
		{Name: "redis prefix", Value: &r.Prefix, Check: redisstore.CheckPrefix, Example: "prefix authentik:"},
		{Name: "redis timeout", Value: &r.Timeout, Check: checkTimeout, Example: "timeout 1s"},
	}
	if r.TLS != nil {
		all = append(all, r.TLS.settings()...)
	}
	return all
}

func checkDatabase(text string) error {
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n > 9999 {
		return fmt.Errorf("%q is no number of a database; write for example 0", text)
	}
	return nil
}

func checkTimeout(text string) error {
	d, err := caddy.ParseDuration(text)
	if err != nil || d < 10*time.Millisecond || d > time.Minute {
		return fmt.Errorf("%q is no time that a server could be waited for; write for example 1s", text)
	}
	return nil
}

// contradictions says what does not go together. Placeholders have a value by then that
// is not known here; what depends on it waits.
func (r *Redis) contradictions() (all []rules.Conflict) {
	wrong := func(is bool, option, format string, args ...any) {
		if is {
			all = append(all, rules.Conflict{Option: option, Err: fmt.Errorf(format, args...)})
		}
	}
	wrong(len(r.Addresses) == 0, "redis", "redis address is missing; write where Redis is: address redis:6379")
	for i, address := range r.Addresses {
		if !strings.Contains(address, "{") {
			err := redisstore.CheckAddress(address)
			wrong(err != nil, "redis address", "redis address: %w", err)
		}
		wrong(slices.Contains(r.Addresses[:i], address), "redis address", "redis address %s is there twice; leave one of them out", address)
	}
	wrong(r.Username != "" && r.Password == "", "redis username", "redis username has no password; write password {env.REDIS_PASSWORD}")
	wrong(r.SentinelUsername != "" && r.SentinelPassword == "", "redis sentinel_username",
		"redis sentinel_username has no password; write sentinel_password {env.SENTINEL_PASSWORD}")
	wrong(r.Master == "" && r.SentinelUsername != "", "redis sentinel_username", "redis sentinel_username is for Sentinels; write master <name> too, or leave it out")
	wrong(r.Master == "" && r.SentinelPassword != "", "redis sentinel_password", "redis sentinel_password is for Sentinels; write master <name> too, or leave it out")
	cluster := r.Master == "" && len(r.Addresses) > 1
	wrong(cluster && r.Database != "" && r.Database != "0" && !strings.Contains(r.Database, "{"), "redis database",
		"redis database: several addresses are a cluster, which has no database %s; leave it out, or write master <name> if they are Sentinels", r.Database)
	return all
}

// settle puts values in place of placeholders, and reports all that is wrong then.
func (r *Redis) settle() (redisstore.Config, redisKey, error) {
	var wrong options.Mistakes
	for i := range r.Addresses {
		if err := options.Expand(&r.Addresses[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("redis address: %w", err))
		}
	}
	for _, s := range r.settings() {
		if err := s.Expand(); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	for _, c := range r.contradictions() {
		wrong = append(wrong, c.Err)
	}
	encrypted, contents, err := r.TLS.read()
	if err := wrong.And(err).Err(); err != nil {
		return redisstore.Config{}, redisKey{}, err
	}
	cfg, err := r.config()
	cfg.TLS = encrypted
	return cfg, r.hash(contents), err
}

// config is what the store is told. All of it has been checked.
func (r *Redis) config() (redisstore.Config, error) {
	cfg := redisstore.Config{
		Addresses: r.Addresses, Master: r.Master,
		Username: r.Username, Password: r.Password,
		SentinelUsername: r.SentinelUsername, SentinelPassword: r.SentinelPassword,
		Prefix: r.Prefix, Logger: shared.Log(),
	}
	var err error
	if r.Database != "" {
		cfg.Database, err = strconv.Atoi(r.Database)
	}
	if r.Timeout != "" && err == nil {
		cfg.ReadTimeout, err = caddy.ParseDuration(r.Timeout)
		cfg.WriteTimeout, cfg.DialTimeout = cfg.ReadTimeout, 2*cfg.ReadTimeout
	}
	return cfg, err
}

// hash tells settings apart, with what is in the files that they name.
func (r *Redis) hash(contents []byte) redisKey {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode(r) //nolint:gosec // to a hash, secrets too; of strings, so that nothing can fail
	sum.Write(contents)
	return redisKey(sum.Sum(nil))
}
