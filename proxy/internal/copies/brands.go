// Package copies keeps copies of what authentik shows to all visitors. So a
// visitor who only looks at a page causes no request to authentik.
//
//   - brands.go: how authentik presents itself to each host
//   - challenges.go: the first challenges of flows
package copies

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
)

const (
	// brandLifetime is how long a brand is kept. The addresses of its pictures
	// expire after about fifteen minutes.
	brandLifetime = 2 * time.Minute
	// maxBrands is how many hosts' brands are kept.
	maxBrands = 1000
)

// Brands fetch and keep how authentik presents itself to each host.
type Brands struct {
	fetch func(context.Context, flowclient.Visitor) (flowclient.Brand, error)
	kept  *ttlcache.Cache[string, flowclient.Brand] // by host
}

// NewBrands returns an empty cache. fetch is called without a visitor's
// cookies.
func NewBrands(fetch func(context.Context, flowclient.Visitor) (flowclient.Brand, error), o Options) *Brands {
	return &Brands{fetch, ttlcache.New(ttlcache.Options[string, flowclient.Brand]{Entries: maxBrands, Now: o.Now, Go: o.Go})}
}

// Of returns the brand for a visitor's host.
func (b *Brands) Of(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
	v.Cookies = nil // the brand is the same for all visitors
	brand, err := b.kept.Do(ctx, v.Host, func(ctx context.Context) (flowclient.Brand, time.Duration, error) {
		brand, err := b.fetch(ctx, v)
		return brand, brandLifetime, err
	})
	if closing(ctx, err) {
		return b.fetch(ctx, v)
	}
	return brand, err
}

// closing reports whether a fetch has failed only because the gate is closing.
// Its last requests still have to be answered.
func closing(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, ttlcache.ErrClosed) || errors.Is(err, context.Canceled))
}

// Lately returns the brand for a visitor's host if it is cached. It does not
// ask authentik.
func (b *Brands) Lately(v flowclient.Visitor) flowclient.Brand {
	brand, _ := b.kept.Get(v.Host)
	return brand
}

// Forget drops a host's brand; the next call of Of fetches it again.
func (b *Brands) Forget(v flowclient.Visitor) { b.kept.Delete(v.Host) }

// Sweep drops expired brands.
func (b *Brands) Sweep() { b.kept.Sweep() }
