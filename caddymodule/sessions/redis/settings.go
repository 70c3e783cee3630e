//go:build !noredis

package redis

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
	redisstore "github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

// settings lists the options that take one value.
func (m *Module) settings() []options.Setting {
	all := []options.Setting{
		{Name: "redis master", Value: &m.Master, Check: options.Text, Example: "master main"},
		{Name: "redis username", Value: &m.Username, Check: options.Text, Example: "username caddy"},
		{Name: "redis password", Value: &m.Password, Check: options.Secret, Example: "password {env.REDIS_PASSWORD}"},
		{Name: "redis sentinel_username", Value: &m.SentinelUsername, Check: options.Text, Example: "sentinel_username caddy"},
		{Name: "redis sentinel_password", Value: &m.SentinelPassword, Check: options.Secret, Example: "sentinel_password {env.SENTINEL_PASSWORD}"},
		{Name: "redis database", Value: &m.Database, Check: checkDatabase, Example: "database 0"},
		{Name: "redis prefix", Value: &m.Prefix, Check: redisstore.CheckPrefix, Example: "prefix authentik:"},
		{Name: "redis timeout", Value: &m.Timeout, Check: checkTimeout, Example: "timeout 1s"},
	}
	if m.TLS != nil {
		all = append(all, m.TLS.settings()...)
	}
	return all
}

func checkDatabase(text string) error {
	if n, err := strconv.ParseUint(text, 10, 16); err != nil || n > 9999 {
		return fmt.Errorf("%q is not the number of a database; write for example 0", text)
	}
	return nil
}

func checkTimeout(text string) error {
	d, err := caddy.ParseDuration(text)
	if err != nil || d < 10*time.Millisecond || d > time.Minute {
		return fmt.Errorf("%q is not a duration from 10ms to 1m; write for example 1s", text)
	}
	return nil
}

// conflicts returns the mistakes in the addresses and in the combination of
// options. Checks that depend on a placeholder are left out until its value is
// known.
func (m *Module) conflicts() (all []rules.Conflict) {
	wrong := func(option, format string, args ...any) {
		all = append(all, rules.Conflict{Option: option, Err: fmt.Errorf(format, args...)})
	}
	if len(m.Addresses) == 0 {
		wrong("redis", "redis address is missing; write where Redis is: address redis:6379")
	}
	for i, address := range m.Addresses {
		if err := redisstore.CheckAddress(address); err != nil && !options.HasPlaceholder(address) {
			wrong("redis address", "redis address: %w", err)
		}
		if slices.Contains(m.Addresses[:i], address) {
			wrong("redis address", "redis address %s is given twice; keep one of them", address)
		}
	}
	cfg, _ := m.config() // the settings have been checked, or have placeholders
	for _, c := range cfg.Conflicts() {
		wrong("redis "+c.Option, "redis %w", c.Err)
	}
	return all
}

// expand replaces the placeholders, and returns the configuration of the store
// and its key in the pool, or all mistakes.
func (m *Module) expand() (redisstore.Config, storeKey, error) {
	wrong := options.ExpandAll("redis address", m.Addresses)
	for _, s := range m.settings() {
		wrong = wrong.And(options.In(s.Name, s.Expand()))
	}
	for _, c := range m.conflicts() {
		wrong = wrong.And(c.Err)
	}
	encrypted, files, err := m.TLS.read()
	if err := wrong.And(err).Err(); err != nil {
		return redisstore.Config{}, storeKey{}, err
	}
	cfg, err := m.config()
	cfg.TLS = encrypted
	return cfg, m.key(files), err
}

// config is the configuration of the store, without TLS.
func (m *Module) config() (redisstore.Config, error) {
	cfg := redisstore.Config{
		Addresses: m.Addresses, Master: m.Master,
		Username: m.Username, Password: m.Password,
		SentinelUsername: m.SentinelUsername, SentinelPassword: m.SentinelPassword,
		Prefix: m.Prefix, Logger: shared.Log(),
	}
	var err error
	if m.Database != "" {
		cfg.Database, err = strconv.Atoi(m.Database)
	}
	if m.Timeout != "" && err == nil {
		cfg.ReadTimeout, err = caddy.ParseDuration(m.Timeout)
		cfg.WriteTimeout, cfg.DialTimeout = cfg.ReadTimeout, 2*cfg.ReadTimeout
	}
	return cfg, err
}

// A storeKey identifies a store in the pool. It is a hash of the store's
// settings, since they include secrets.
type storeKey [sha256.Size]byte

// key is the hash of the settings, and of the contents of the files that they
// name.
func (m *Module) key(files []byte) storeKey {
	sum := sha256.New()
	_ = json.NewEncoder(sum).Encode(m) //nolint:gosec // into a hash, with secrets; strings always encode
	sum.Write(files)
	return storeKey(sum.Sum(nil))
}
