package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// isText reports whether the value is a text with placeholders. Otherwise it
// is a claim.
func (own Header) isText() bool { return own.expanded || strings.Contains(own.Value, "{") }

// rules returns the operator's headers for the gate.
func (hs Headers) rules() []proxy.HeaderRule {
	all := make([]proxy.HeaderRule, 0, len(hs.Own))
	for _, own := range hs.Own {
		all = append(all, own.rule())
	}
	return all
}

// rule returns one header for the gate. The gate prepares claims once for each
// session and computes texts for each request. So it does with the access
// token, which is renewed during a session.
func (own Header) rule() proxy.HeaderRule {
	switch claim := own.claim(); claim {
	case "":
		return proxy.HeaderRule{Name: own.Name, Value: text(own.Value)}
	case tokenClaim:
		return proxy.HeaderRule{Name: own.Name, Value: func(_ *http.Request, s proxy.Session) string { return s.AccessToken() }}
	default:
		return proxy.HeaderRule{Name: own.Name, Claim: claim}
	}
}

// claim returns the claim in the value, which may also be written as a
// placeholder of the user. It returns nothing for other texts.
func (own Header) claim() string {
	if !own.isText() {
		return own.Value
	}
	claim, prefixed := strings.CutPrefix(own.Value, "{"+userPrefix)
	claim, closed := strings.CutSuffix(claim, "}")
	if !prefixed || !closed || strings.ContainsAny(claim, "{}") {
		return ""
	}
	return claim
}

// needsToken reports whether the header contains the access token.
func (own Header) needsToken() bool {
	return own.claim() == tokenClaim || strings.Contains(own.Value, "{"+userPrefix+tokenClaim+"}")
}

// text returns a function that replaces the placeholders in a header's value
// for one request. An unknown placeholder becomes empty.
func text(value string) func(*http.Request, proxy.Session) string {
	return func(r *http.Request, s proxy.Session) string {
		repl, found := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		if !found {
			return ""
		}
		filled, err := repl.ReplaceFunc(value, func(key string, before any) (any, error) {
			if strings.HasPrefix(key, userPrefix) {
				ours, _ := placeholder(s, key)
				return ours, nil
			}
			return before, nil
		})
		if err != nil {
			return ""
		}
		return filled
	}
}
