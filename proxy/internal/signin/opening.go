package signin

import (
	"context"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// Brand returns the brand for the pages of a request, or the zero brand if it
// cannot be fetched. It does not ask authentik about hosts that a client has
// invented.
func (h *Handler) Brand(x *exchange.Exchange) flowclient.Brand {
	if x.Misdirected() {
		return flowclient.Brand{}
	}
	brand, _ := h.brands.Of(x.Context(), x.Visitor(nil))
	return brand
}

// KnownBrand is Brand without asking authentik: if the brand is not cached, it
// is the zero brand.
func (h *Handler) KnownBrand(x *exchange.Exchange) flowclient.Brand {
	return h.brands.Lately(x.Visitor(nil))
}

// First returns the first flow of a visit: the operator's, the brand's, or the
// one that authentik itself would choose.
func (h *Handler) First(ctx context.Context, v flowclient.Visitor) (flowclient.Flow, error) {
	if h.Flow != "" {
		return flowclient.Flow{Slug: h.Flow}, nil
	}
	brand, err := h.brands.Of(ctx, v)
	if err != nil {
		return flowclient.Flow{}, err
	}
	if f := (flowclient.Flow{Slug: brand.FlowAuthentication}); f.Valid() {
		return f, nil
	}
	f, err := h.Client.DefaultFlow(ctx, v, "authentication")
	return flowclient.Flow{Slug: f.Slug}, err
}

// Opening returns the first challenge of a flow, or a copy of it.
func (h *Handler) Opening(ctx context.Context, v flowclient.Visitor, flow flowclient.Flow) (flowclient.Step, error) {
	return h.copies.Opening(ctx, v, flow, func(ctx context.Context) (flowclient.Step, error) { return h.Client.Ask(ctx, v, flow) })
}
