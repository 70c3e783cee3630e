package caddymodule

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	driver "github.com/redis/go-redis/v9"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/shared"
	"github.com/flowsidecar/caddy-authentik/proxy"
	redisstore "github.com/flowsidecar/caddy-authentik/proxy/store/redis"
)

func init() {
	caddy.RegisterModule(Redis{})
	driver.SetLogger(driverLog{})
}

// Redis keeps sessions in Redis or Valkey, so that several Caddys have the same. All
// of them need the same key too: that in a storage that they share, or the option key.
//
// The server has to keep what it was given: it should not evict (maxmemory-policy
// noeviction), and should write a log (appendonly yes), or a restart brings back sessions
// that have ended.
type Redis struct {
	// Where Redis is, as redis:6379. Several addresses are nodes of a cluster, or with
	// master those of Sentinels. Required.
	Addresses []string `json:"addresses,omitempty"`

	// The name by which Sentinels know the server.
	Master string `json:"master,omitempty"`

	// The user of Redis. Default: its default user.
	Username string `json:"username,omitempty"`

	// The user's password. Default: none.
	Password string `json:"password,omitempty"`

	// The user of Sentinels. Default: their default user.
	SentinelUsername string `json:"sentinel_username,omitempty"`

	// The password of Sentinels. Default: none.
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// The number of the database, as "0", which is the only one in a cluster.
	// Default: 0.
	Database string `json:"database,omitempty"`

	// What stands before every key and channel. Who shares it shares sessions.
	// Default: authentik:.
	Prefix string `json:"prefix,omitempty"`

	// How connections are encrypted. Default: not at all.
	TLS *RedisTLS `json:"tls,omitempty"`

	// How long Redis may take to answer, as 2s, and twice as long to be reached. A
	// call that fails is tried once more. Default: 1s.
	Timeout string `json:"timeout,omitempty"`

	store *redisstore.Store
	key   *redisKey
}

// CaddyModule returns the Caddy module information.
func (Redis) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  storesNamespace + ".redis",
		New: func() caddy.Module { return new(Redis) },
	}
}

// Provision takes the store that all gates with the same settings share. It asks
// nothing of the network: Redis may be down when Caddy starts.
func (r *Redis) Provision(caddy.Context) error {
	cfg, key, err := r.settle()
	if err != nil {
		return err
	}
	kept, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) {
		store, err := redisstore.New(cfg)
		return redisStore{store}, err
	})
	if err != nil {
		return err
	}
	r.key = &key
	shared, fits := kept.(redisStore)
	if !fits {
		return fmt.Errorf("sessions redis: a %T is in its place", kept)
	}
	r.store = shared.Store
	return nil
}

// Cleanup gives the store back. With the last gate that uses it its connections end;
// the sessions stay.
func (r *Redis) Cleanup() error {
	if r.key == nil {
		return nil
	}
	key := *r.key
	r.store, r.key = nil, nil
	_, err := pool.Delete(key)
	return err
}

// Store returns the store.
func (r *Redis) Store() proxy.Store { return r.store }

// redisStore is a store on Redis in the pool.
type redisStore struct{ *redisstore.Store }

// Destruct closes the connections.
func (s redisStore) Destruct() error { return s.Close() }

// driverLog has what the driver would print to standard error in the log of
// Caddy, for who debugs: everything that fails is reported by who asked for it.
type driverLog struct{}

// Printf implements the driver's logger.
func (driverLog) Printf(ctx context.Context, format string, args ...any) {
	log := shared.Log()
	if log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "the driver of Redis says", "text", fmt.Sprintf(format, args...))
	}
}

// Interface guards.
var (
	_ caddy.Provisioner     = (*Redis)(nil)
	_ caddy.CleanerUpper    = (*Redis)(nil)
	_ caddyfile.Unmarshaler = (*Redis)(nil)
	_ StoreProvider         = (*Redis)(nil)
)
