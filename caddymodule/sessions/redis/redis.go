//go:build !noredis

package redis

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	driver "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy/store"
	redisstore "github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

func init() {
	caddy.RegisterModule(Module{})
	driver.SetLogger(driverLog{})
}

// Module keeps sessions in Redis or Valkey, so that several Caddys share them.
// All of these also need the same key: from a common storage, or from the
// option `key`.
//
// The server must not lose data: it should not evict keys (maxmemory-policy
// noeviction), and should write a log (appendonly yes); otherwise a restart
// brings revoked sessions back.
type Module struct {
	// Where Redis is, for example redis:6379. Several addresses are nodes of a
	// cluster, or Sentinels if master is given. Required.
	Addresses []string `json:"addresses,omitempty"`

	// The name of the server at its Sentinels. Default: none.
	Master string `json:"master,omitempty"`

	// The user of Redis. Default: its default user.
	Username string `json:"username,omitempty"`

	// The user's password. Default: none.
	Password string `json:"password,omitempty"`

	// The user of Sentinels. Default: their default user.
	SentinelUsername string `json:"sentinel_username,omitempty"`

	// The password of Sentinels. Default: none.
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// The number of the database, for example `1`. A cluster has only `0`.
	// Default: `0`.
	Database string `json:"database,omitempty"`

	// The beginning of every key and channel. Gates with the same prefix share
	// their sessions. Default: authentik:.
	Prefix string `json:"prefix,omitempty"`

	// TLS for the connections. Default: connections are not encrypted.
	TLS *TLS `json:"tls,omitempty"`

	// The timeout for an answer of Redis, for example 2s; a connection may take
	// twice as long. A call that fails is retried once. Default: 1s.
	Timeout string `json:"timeout,omitempty"`

	store   *redisstore.Store
	hold    func() (release func() error)
	release func() error
}

// CaddyModule returns the Caddy module information.
func (Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: shared.Stores + ".redis", New: func() caddy.Module { return new(Module) }}
}

// pooled is a store as the pool holds it.
type pooled struct{ *redisstore.Store }

// Destruct closes the store.
func (p pooled) Destruct() error { return p.Close() }

// Provision takes the store that all gates with the same settings share. It
// does not connect: Redis may be down when Caddy starts.
func (m *Module) Provision(caddy.Context) error {
	cfg, key, err := m.expand()
	if err != nil {
		return err
	}
	taken, release, err := shared.Take(key, func() (pooled, error) {
		s, err := redisstore.New(cfg)
		return pooled{s}, err
	})
	if err != nil {
		return err
	}
	m.store, m.hold = taken.Store, shared.Divide(release)
	m.release = m.hold()
	return nil
}

// Cleanup releases the store. The last gate to do so closes its connections;
// the sessions stay.
func (m *Module) Cleanup() error {
	if m.release == nil {
		return nil
	}
	return m.release()
}

// Hold keeps the store open until release is called.
func (m *Module) Hold() (release func() error) { return m.hold() }

// Store returns the store.
func (m *Module) Store() store.Store { return m.store }

// driverLog writes to Caddy's log, at level debug, what the driver would print
// to standard error. Every failure is also returned to its caller.
type driverLog struct{}

// Printf implements the driver's logger.
func (driverLog) Printf(ctx context.Context, format string, args ...any) {
	log := shared.Log()
	if log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "session store: message of the Redis driver", "text", fmt.Sprintf(format, args...))
	}
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Module)(nil)
	_ caddy.CleanerUpper    = (*Module)(nil)
	_ caddyfile.Unmarshaler = (*Module)(nil)
)
