package proxy

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	gocache "github.com/patrickmn/go-cache"
	"golang.org/x/sync/singleflight"
)

const (
	// brandKept is how long a brand is taken for true: pictures in it expire after about
	// fifteen minutes.
	brandKept = 2 * time.Minute
	// brandBound is how many hosts' brands are kept.
	brandBound = 1000
)

// brands remember how authentik presents itself to each host.
type brands struct {
	client Authentik
	kept   *gocache.Cache
	asking singleflight.Group
}

func newBrands(client Authentik) *brands {
	return &brands{client: client, kept: gocache.New(brandKept, brandKept)}
}

// of returns the brand for a visitor's host.
func (b *brands) of(ctx context.Context, v flowclient.Visitor) (flowclient.Brand, error) {
	if found, ok := b.kept.Get(v.Host); ok {
		brand, _ := found.(flowclient.Brand)
		return brand, nil
	}
	v.Cookies = nil // a brand is everybody's
	mine := false
	ask := func() (any, error) {
		mine = true
		brand, err := b.client.Brand(ctx, v)
		if err == nil && b.kept.ItemCount() < brandBound {
			b.kept.SetDefault(v.Host, brand)
		}
		return brand, err
	}
	found, err, _ := b.asking.Do(v.Host, ask)
	if err != nil && !mine {
		found, err = ask() // it may have been the other visitor who gave up
	}
	brand, _ := found.(flowclient.Brand)
	return brand, err
}

// forget has a host's brand asked for again.
func (b *brands) forget(v flowclient.Visitor) { b.kept.Delete(v.Host) }

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
