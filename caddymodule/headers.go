package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"

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
		rule.Value = hs.text(own.Value)
		if strings.EqualFold(own.Name, "Authorization") && rule.Encoding == "" {
			rule.Encoding = proxy.EncodingUTF8
		}
	case tokenClaim:
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
	claim, prefixed := strings.CutPrefix(own.Value, "{"+userPrefix)
	claim, closed := strings.CutSuffix(claim, "}")
	if !prefixed || !closed || strings.ContainsAny(claim, "{}") {
		return ""
	}
	return claim
}

// needsToken reports whether the header contains the access token.
func (own Header) needsToken() bool { return own.contains(tokenClaim) }

// needsAssertion reports whether the header contains a signed assertion.
func (own Header) needsAssertion() bool { return own.contains(assertionClaim) }

func (own Header) contains(claim string) bool {
	return own.claim() == claim || strings.Contains(own.Value, "{"+userPrefix+claim+"}")
}

// text returns a function that replaces the placeholders in a header's value
// for one request. An unknown placeholder becomes empty. The gate spells the
// whole text, so the username is not spelled before.
func (hs Headers) text(value string) func(*http.Request, proxy.Session) string {
	return func(r *http.Request, s proxy.Session) string {
		repl, found := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		if !found {
			return ""
		}
		filled, err := repl.ReplaceFunc(value, func(key string, before any) (any, error) {
			field, ours := strings.CutPrefix(key, userPrefix)
			switch {
			case !ours:
				return before, nil
			case field == "groups":
				return joined(hs.groups(s.User().Groups)), nil
			}
			known, _ := placeholder(s, field)
			return known, nil
		})
		if err != nil {
			return ""
		}
		return filled
	}
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
