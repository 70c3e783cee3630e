package session

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/background"
	bounded "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session/index"
)

// A Registry finds, begins, rechecks and ends sessions. It is safe for
// concurrent use.
type Registry struct {
	Options

	// Index knows which sessions there are.
	Index *index.Index

	cache    *cache
	misses   *misses
	reported *reported
	rechecks *rechecks
	reading  *bounded.Cache[string, reading] // a cache of nothing: concurrent requests share one reading
	renewals *bounded.Cache[string, renewal] // a cache of nothing: concurrent requests share one renewal
	reviews  chan struct{}                   // limits reviews that wait for the store or authentik

	draining atomic.Bool // the gate is closed and waits for its streams
	running  int         // the gate's streams; guarded by Streams
	finish   func()      // called when no stream is left; guarded by Streams
}

// New returns a registry.
func New(o Options) *Registry {
	r := &Registry{Options: o, misses: newMisses(o.Now), reported: newReported(o.Now), rechecks: newRechecks(o.Now), reviews: make(chan struct{}, maxReviews)}
	r.Index = index.New(index.Options{
		Store: o.Store, Key: o.Key, Now: o.Now, Logger: o.Logger, Issuer: o.Issuer, Lifetime: o.Lifetime, Client: o.Client,
	})
	r.reading = bounded.New(bounded.Options[string, reading]{Go: r.Background.Shared})
	r.rechecks.single = bounded.New(bounded.Options[string, reading]{Go: r.Background.Shared})
	r.renewals = bounded.New(bounded.Options[string, renewal]{Go: r.Background.Shared})
	r.cache = newCache(o.Now, cacheEntries, cacheBytes)
	r.cache.notesEnds = o.Audit.Writes()
	return r
}

// Sweep drops everything that has expired.
func (r *Registry) Sweep() {
	r.rechecks.sweep()
	r.cache.sweep()
	var ended []lapse
	var rested []string
	for _, s := range r.cache.takeExpired() {
		ended = append(ended, r.lapseOf(s.name, s.User.Username, s.Used(), s.Until, s.Stay))
		if s.rests {
			rested = append(rested, s.User.UID)
		}
	}
	r.lapsed(ended...)
	r.prune(rested)
	r.misses.sweep()
	r.reported.sweep()
}

// Watch follows the store's revocations until ctx ends. While the watch is lost,
// cached sessions are used for a short time only.
func (r *Registry) Watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.Store.Watch(ctx, r.Revoked)
		if ctx.Err() != nil {
			return
		}
		r.cache.loseWatch()
		r.Logger.WarnContext(ctx, "session store: watch failed; revocations may be missed", "error", err, "refused_after", staleAfter)
		background.Sleep(ctx, time.Second)
	}
}

// Revoked handles a name that the store has announced as revoked. The empty name
// means that announcements may have been missed.
func (r *Registry) Revoked(name string) {
	r.forget(name)
	r.cache.revoked(name)
	if name == "" {
		r.Streams.reviewAll(r)
		return
	}
	r.Streams.End(name)
}

// Open starts to review the running requests of the registry's sessions, until
// Close.
func (r *Registry) Open() { r.Streams.join(r) }

// Realm returns a text for where a session is valid: the authentik that it came
// from, the flow or client with which the user signed in, and the hosts that
// its cookie goes to. It is part of every name and key, so a session of one
// realm does not open in another.
func (r *Registry) Realm(host string) string {
	return r.Issuer + "\x00" + r.WonBy + "\x00" + r.scope(host)
}

// scope returns where the session's cookie goes. Cookies do not know ports (RFC
// 6265, 8.5).
func (r *Registry) scope(host string) string {
	if r.Domain != "" {
		return "." + r.Domain
	}
	return Hostname(host)
}

// Hostname returns the lower-case name in a Host header, without a port and
// without a dot at its end.
func Hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
