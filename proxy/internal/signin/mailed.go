package signin

import (
	"net/url"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// KeepForMail remembers in the browser where a visit was to lead if authentik has
// sent a mail in it. The link in the mail begins a visit of its own, which would
// end at the beginning of the site. The last visit counts.
func (h *Handler) KeepForMail(x *exchange.Exchange, shown flowclient.Component, back string) {
	if !h.PageHost || shown != flowclient.ComponentEmail || back == "/" {
		return
	}
	sealed, err := x.Box(seal.KindMailed, x.EnsureVisit()).SealText(x.Shorten(back))
	if err == nil {
		x.SetMailed(sealed)
	}
}

// mailedBack returns where the visit was to lead in which a link was mailed, as
// far as this browser knows.
func (h *Handler) mailedBack(x *exchange.Exchange, link Link) string {
	query, _ := url.ParseQuery(link.Query)
	s, ok := x.Visit()
	if !ok || query.Get("flow_token") == "" {
		return "/"
	}
	for sealed := range x.Mailed() {
		var back string
		if x.Box(seal.KindMailed, s).OpenText(sealed, &back) == nil {
			return x.WayBack(back)
		}
	}
	return "/"
}
