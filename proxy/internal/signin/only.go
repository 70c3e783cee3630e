package signin

import (
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
)

// onlySource reports whether a visit begins with one button and nothing else: to a
// provider that the visitor comes back from. authentik's own interface goes on by
// itself there, and so does the gate, by way of authentik's authorize endpoint.
// The redirects leave nothing in the browser's history to come back to.
func (h *Handler) onlySource(x *exchange.Exchange, out Outcome) bool {
	if h.OIDC == nil || x.JSON() || out.Err != nil || out.Admitted != nil || !exchange.Navigates(x.R) {
		return false
	}
	c, ok := out.Visit.Step.Challenge.(flowclient.Identification)
	if !ok || len(c.UserFields) > 0 || len(c.Sources) != 1 || c.PasskeyChallenge != nil || c.EnrollURL+c.RecoveryURL+c.PasswordlessURL != "" {
		return false
	}
	to, ok := c.Sources[0].Challenge.(flowclient.Redirect)
	return ok && to.Class() == flowclient.RedirectSource
}
