package signin

import (
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// Try asks the throttle whether an answer may go to authentik, for the account in
// it and the one that authentik has named as pending. It returns how long to
// wait, or a try that the caller must end. An answer that proves nothing always
// passes.
func (h *Handler) Try(x *exchange.Exchange, answer flowclient.Answer, pending string) (*throttle.Attempt, time.Duration) {
	return h.Throttle.Begin(x.Context(), throttle.Answer{
		Client: x.At.Client, Accounts: []string{reply.TypedName(answer), pending}, Proves: reply.Proves(answer),
	})
}
