package signin

import (
	"context"
	"errors"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

const (
	// brandLifetime is how long a brand is kept. The addresses of its pictures
	// expire after about fifteen minutes.
	brandLifetime = 2 * time.Minute
	// maxBrands is how many hosts' brands are kept.
	maxBrands = 1000
)

// brands fetch and keep how authentik presents itself to each host.
type brands struct {
	fetch func(context.Context, flowclient.Visitor) (flowclient.Brand, error)
	kept  *ttlcache.Cache[string, flowclient.Brand] // by host
}

func newBrands(fetch func(context.Context, flowclient.Visitor) (flowclient.Brand, error), now func() time.Time) *brands {
	return &brands{fetch, ttlcache.New(ttlcache.Options[string, flowclient.Brand]{Entries: maxBrands, Now: now})}
}

// of returns the brand for a visitor's host.
func (b *brands) of(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
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

// closing reports whether a fetch has failed only because the gate closes: its
// last requests are answered all the same.
func closing(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (errors.Is(err, ttlcache.ErrClosed) || errors.Is(err, context.Canceled))
}

// lately returns the brand for a visitor's host if it is known, without asking.
func (b *brands) lately(v flowclient.Visitor) flowclient.Brand {
	brand, _ := b.kept.Get(v.Host)
	return brand
}

// forget drops a host's brand, so that it is fetched again.
func (b *brands) forget(v flowclient.Visitor) { b.kept.Delete(v.Host) }

func (b *brands) sweep() { b.kept.Sweep() }

// Brand returns the brand for the pages of a request, or the zero brand if it
// cannot be fetched. authentik is not asked for the brands of hosts that a client
// has made up.
func (h *Handler) Brand(x *exchange.Exchange) flowclient.Brand {
	if x.Misdirected() {
		return flowclient.Brand{}
	}
	brand, _ := h.brands.of(x.Context(), x.Visitor(nil))
	return brand
}

// KnownBrand is Brand as far as it is known: authentik is not asked.
func (h *Handler) KnownBrand(x *exchange.Exchange) flowclient.Brand {
	return h.brands.lately(x.Visitor(nil))
}

// First returns the flow that a visit begins with: the operator's, the
// brand's, or the one that authentik would choose itself.
func (h *Handler) First(ctx context.Context, v flowclient.Visitor) (flowclient.Flow, error) {
	if h.Flow != "" {
		return flowclient.Flow{Slug: h.Flow}, nil
	}
	brand, err := h.brands.of(ctx, v)
	if err != nil {
		return flowclient.Flow{}, err
	}
	if f := (flowclient.Flow{Slug: brand.FlowAuthentication}); f.Valid() {
		return f, nil
	}
	f, err := h.Client.DefaultFlow(ctx, v, "authentication")
	return flowclient.Flow{Slug: f.Slug}, err
}
