package signin

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/throttle"
)

// Try asks the throttle whether an answer may go to authentik, in the session of
// authentik that has these cookies, for the account in it and the one that
// authentik has named as pending. It returns how long to wait, or an attempt that
// the caller must end. An answer that proves nothing always passes.
func (h *Handler) Try(x *exchange.Exchange, answer flowclient.Answer, cookies flowclient.Cookies, pending string) (*throttle.Attempt, time.Duration) {
	return h.Throttle.Begin(x.Context(), throttle.Answer{
		Client: x.At.Client, Name: reply.TypedName(answer), Pending: pending,
		Session: sessionID(cookies), Proves: reply.Proves(answer),
	})
}

// Remember notes the account that authentik has named in a session of its own:
// answers from an old page of that session are guesses at it, too.
func (h *Handler) Remember(cookies flowclient.Cookies, pending string) {
	h.Throttle.Remember(sessionID(cookies), pending)
}

// sessionID returns what stays the same in the cookie of authentik's session until
// a sign-in. It is a token that authentik has signed and that visits carry sealed,
// so the signature need not be checked here.
func sessionID(cookies flowclient.Cookies) string {
	token := cookies["authentik_session"]
	var claims struct {
		SID string `json:"sid"`
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(payload, &claims) == nil && claims.SID != "" {
			return claims.SID
		}
	}
	return token
}
