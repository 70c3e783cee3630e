package authentiktest

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"
)

// dataState is the prefix under which a session keeps the states of OAuth.
const dataState = "oauth_state_"

// callback is the redirect URI of a source.
func (s Source) callback(v *visit) string {
	return v.address(v.srv.url("/source/oauth/callback/" + s.Slug + "/"))
}

// state is a new state, which the session keeps.
func (s Source) state(v *visit) string {
	state := random(32)
	v.session.data[dataState+s.Slug] = state
	v.session.modified = true
	return state
}

// sourceOAuth redirects the browser to the provider, with the name that the
// visitor has given as a hint.
func (v *visit) sourceOAuth(s Source) *response {
	scopes := slices.Sorted(slices.Values(s.Scopes))
	q := "client_id=" + escape(s.ClientID) + "&redirect_uri=" + escape(s.callback(v)) +
		"&response_type=code&state=" + s.state(v) + "&scope=" + escape(strings.Join(scopes, " "))
	if s.Parameters != "" {
		q += "&" + s.Parameters
	}
	if hint := v.hint(); hint != "" {
		q += "&login_hint=" + escape(hint)
	}
	return v.moved(s.URL + "?" + q)
}

// hint is the name that the visitor has given in the flow before.
func (v *visit) hint() string {
	if v.session.plan == nil {
		return ""
	}
	if typed, ok := v.session.plan.context[contextIdentifier].(string); ok {
		return typed
	}
	return pending(v.session.plan.context).Email
}

// escape escapes parts of a query for a provider, without plus signs.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sourceReturn is the redirect URI. After any mistake the visitor is back at
// the login, with a message that authentik's own page would show.
func (v *visit) sourceReturn(s Source) *response {
	state, _ := v.session.data[dataState+s.Slug].(string)
	if state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(v.query("state"))) == 0 || s.Person == nil {
		return v.sourceFailed()
	}
	p, err := s.Person(v.query("code"))
	if err != nil || p.ID == "" {
		return v.sourceFailed()
	}
	return v.arrive(s, p)
}

// sourceFailed redirects to the login. The message leaves traces in the
// session.
func (v *visit) sourceFailed() *response {
	v.session.begun, v.session.modified = true, true
	return v.moved(v.srv.url("/flows/-/default/authentication/"))
}
