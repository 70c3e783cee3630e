package proxy

import (
	"context"
	"net/http"
	"net/url"
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

// brands fetch and keep how authentik presents itself to each host.
type brands struct {
	client Authentik
	kept   *ttlcache.Cache[string, flowclient.Brand] // by host
}

func newBrands(client Authentik, now func() time.Time) *brands {
	return &brands{client, ttlcache.New(ttlcache.Options[string, flowclient.Brand]{Entries: maxBrands, Now: now})}
}

// of returns the brand for a visitor's host.
func (b *brands) of(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
	v.Cookies = nil // the brand is the same for all visitors
	return b.kept.Do(ctx, v.Host, func(ctx context.Context) (flowclient.Brand, time.Duration, error) {
		brand, err := b.client.Brand(ctx, v)
		return brand, brandLifetime, err
	})
}

// forget has a host's brand fetched again.
func (b *brands) forget(v flowclient.Visitor) { b.kept.Delete(v.Host) }

func (b *brands) sweep() { b.kept.Sweep() }

// brand is how the pages of a request look. Without it they are still
// authentik's questions, and are drawn all the same.
func (g *Gate) brand(r *http.Request, at Resolved) flowclient.Brand {
	brand, _ := g.brands.of(r.Context(), g.visitor(r, at, nil))
	return brand
}

// first returns the flow that a visit begins with: the operator's, the
// brand's, or the one that authentik would choose itself.
func (g *Gate) first(ctx context.Context, v flowclient.Visitor) (flowclient.Flow, error) {
	if g.cfg.Flow != "" {
		return flowclient.Flow{Slug: g.cfg.Flow}, nil
	}
	brand, err := g.brands.of(ctx, v)
	if err != nil {
		return flowclient.Flow{}, err
	}
	if f := (flowclient.Flow{Slug: brand.FlowAuthentication}); f.Valid() {
		return f, nil
	}
	f, err := g.cfg.Client.DefaultFlow(ctx, v, "authentication")
	return flowclient.Flow{Slug: f.Slug}, err
}

// hostOf is the name that an address is reached by, for people to read.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
