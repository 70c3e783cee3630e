package authentiktest

import (
	"crypto/subtle"
	"net/url"
	"slices"
	"strings"
)

// dataState begins the names under which a session keeps the states of OAuth.
const dataState = "oauth_state_"

// callback is where an OAuth provider sends the browser back to.
func (s Source) callback(v *visit) string {
	return v.address(v.srv.url("/source/oauth/callback/" + s.Slug + "/"))
}

// state is a new state, which the session remembers.
func (s Source) state(v *visit) string {
	state := random(32)
	v.session.data[dataState+s.Slug] = state
	v.session.modified = true
	return state
}

// sourceOAuth sends the browser to the provider. Whom the visitor has already
// said he is goes along.
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

// hint is whom the visitor has said he is in the flow that he leaves.
func (v *visit) hint() string {
	if v.session.plan == nil {
		return ""
	}
	if typed, ok := v.session.plan.context[contextIdentifier].(string); ok {
		return typed
	}
	return pending(v.session.plan.context).Email
}

// escape is for the parts of a query that go to a provider: no plus signs.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// sourceReturn is where the provider sends the browser back to. Whatever is
// wrong, the visitor is back at the login, with a message that authentik's own
// page would show.
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

// sourceFailed leads to the login. The message leaves its trace in the session.
func (v *visit) sourceFailed() *response {
	v.session.begun, v.session.modified = true, true
	return v.moved(v.srv.url("/flows/-/default/authentication/"))
}
