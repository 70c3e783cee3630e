package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/identity"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// isText reports whether the value is a text with placeholders. Otherwise it
// is a claim.
func (own Header) isText() bool { return own.expanded || strings.Contains(own.Value, "{") }

// config returns the headers for the gate. The options have been checked.
func (hs Headers) config(further ...proxy.HeaderRule) proxy.HeaderConfig {
	size, _ := humanize.ParseBytes(hs.MaxSize)
	preset := hs.Preset
	if preset == "" && len(hs.Own) == 0 {
		preset = string(proxy.HeadersRemote) // also beside further headers
	}
	return proxy.HeaderConfig{
		Preset: proxy.HeaderPreset(preset), Encoding: proxy.HeaderEncoding(hs.Encoding),
		MaxSize: int(size), Groups: hs.GroupsOnly, Additional: hs.Additional, Own: append(hs.rules(), further...), //nolint:gosec // at most MaxHeaderSize
	}
}

// rules returns the operator's headers for the gate.
func (hs Headers) rules() []proxy.HeaderRule {
	all := make([]proxy.HeaderRule, 0, len(hs.Own))
	for _, own := range hs.Own {
		all = append(all, hs.rule(own))
	}
	return all
}

// rule returns one header for the gate. The gate prepares claims once for each
// session and computes texts for each request. So it does with the access
// token, which is renewed during a session. Credentials are not names: only the
// line itself can have them encoded, as quoted-printable would with "=".
func (hs Headers) rule(own Header) proxy.HeaderRule {
	rule := proxy.HeaderRule{Name: own.Name, Encoding: proxy.HeaderEncoding(own.Encoding)}
	switch claim := own.claim(); claim {
	case "":
		rule.Value = identity.Text(own.Value, hs.groups)
		if strings.EqualFold(own.Name, "Authorization") && rule.Encoding == "" {
			rule.Encoding = proxy.EncodingUTF8
		}
	case identity.TokenClaim:
		rule.Value = func(_ *http.Request, s proxy.Session) string { return s.AccessToken() }
		if rule.Encoding == "" {
			rule.Encoding = proxy.EncodingUTF8
		}
	default:
		rule.Claim = claim
	}
	return rule
}

// claim returns the claim in the value, which may also be written as a
// placeholder of the user. It returns nothing for other texts.
func (own Header) claim() string {
	if !own.isText() {
		return own.Value
	}
	return identity.Claim(own.Value)
}

// needsToken reports whether the header contains the access token.
func (own Header) needsToken() bool { return own.contains(identity.TokenClaim) }

// needsAssertion reports whether the header contains a signed assertion.
func (own Header) needsAssertion() bool { return own.contains(identity.AssertionClaim) }

func (own Header) contains(claim string) bool {
	return own.claim() == claim || identity.Contains(own.Value, claim)
}

// groups returns those of a user's groups that headers name.
func (hs Headers) groups(all []string) []string {
	if len(hs.GroupsOnly) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(group string) bool {
		return !rules.MatchesAny(hs.GroupsOnly, group)
	})
}
