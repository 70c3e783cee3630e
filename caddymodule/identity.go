package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// userPrefix begins the placeholders that tell who is signed in.
const userPrefix = "http.auth.user."

// attributePrefix begins the claims that are attributes of the user.
const attributePrefix = "attributes."

// tokenClaim is the claim that nobody knows but the gates that tell it.
const tokenClaim = "access_token"

// claims are what is known about a user, besides the attributes and what OpenID
// Connect tells.
var claims = []string{"id", "username", "name", "email", "uid", "groups", "session"}

// introduce makes the placeholders of the signed-in user known to everything
// after the gate. What another module said about a user before is forgotten:
// authentik's word stands. Nothing is computed until a placeholder is used.
func introduce(r *http.Request, s *proxy.Session) {
	repl, found := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !found {
		return
	}
	repl.DeleteByPrefix(userPrefix)
	repl.Map(func(key string) (any, bool) { return placeholder(s, key) })
}

// placeholder returns the value of one of the placeholders of a session.
func placeholder(s *proxy.Session, key string) (any, bool) {
	field, ours := strings.CutPrefix(key, userPrefix)
	if !ours {
		return nil, false
	}
	switch field {
	case "id", "username":
		return s.User.Username, true
	case "name":
		return s.User.Name, true
	case "email":
		return s.User.Email, true
	case "uid":
		return s.User.UID, true
	case "groups":
		return joined(s.User.Groups), true
	case "session":
		return s.ID(), true
	case tokenClaim:
		return s.AccessToken(), true
	}
	if path, isAttribute := strings.CutPrefix(field, attributePrefix); isAttribute {
		return attribute(s.User.Attributes, path)
	}
	value, found := s.Claim(field)
	return flat(value), found
}

// flat writes a list as those of groups are written, and leaves other values alone.
func flat(value any) any {
	list, isList := value.([]any)
	if !isList {
		return value
	}
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = caddy.ToString(one)
	}
	return joined(texts)
}

// joined writes names, as those of groups, so that none can pass for two: a comma
// inside a name is percent-encoded, as in the headers.
func joined(names []string) string {
	safe := make([]string, len(names))
	for i, name := range names {
		safe[i] = separators.Replace(name)
	}
	return strings.Join(safe, ",")
}

var separators = strings.NewReplacer("%", "%25", ",", "%2C")

// attribute finds a value by its key, or by a path of keys with dots between.
func attribute(in map[string]any, path string) (any, bool) {
	if value, found := in[path]; found {
		return value, true
	}
	first, rest, nested := strings.Cut(path, ".")
	inner, isMap := in[first].(map[string]any)
	if !nested || !isMap {
		return nil, false
	}
	return attribute(inner, rest)
}

// text returns a function that fills the placeholders of a header's value for
// one request. What is unknown becomes empty.
func text(value string) func(*http.Request, *proxy.Session) string {
	return func(r *http.Request, s *proxy.Session) string {
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

// rules turns the headers of one's own into the gate's rules.
func (hs Headers) rules() []proxy.HeaderRule {
	rules := make([]proxy.HeaderRule, 0, len(hs.Own))
	for _, own := range hs.Own {
		rules = append(rules, own.rule())
	}
	return rules
}

// rule turns one header into the gate's rule. The gate prepares claims once for a
// session, and fills texts for every request; the access token is renewed amid a
// session.
func (own Header) rule() proxy.HeaderRule {
	switch claim := own.claim(); claim {
	case "":
		return proxy.HeaderRule{Name: own.Name, Value: text(own.Value)}
	case tokenClaim:
		return proxy.HeaderRule{Name: own.Name, Value: func(_ *http.Request, s *proxy.Session) string { return s.AccessToken() }}
	default:
		return proxy.HeaderRule{Name: own.Name, Claim: claim}
	}
}

// claim returns the claim that the header says, also where that is a text which is
// nothing but one of the user's placeholders. Other texts have none.
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

// tellsToken reports whether the header needs the access token.
func (own Header) tellsToken() bool {
	return own.claim() == tokenClaim || strings.Contains(own.Value, "{"+userPrefix+tokenClaim+"}")
}

// checkClaim refuses what is never known. With OpenID Connect authentik decides which
// claims there are.
func checkClaim(claim string, oidc bool) error {
	key, isAttribute := strings.CutPrefix(claim, attributePrefix)
	switch {
	case slices.Contains(claims, claim) || isAttribute && key != "":
		return nil
	case claim == "id_token":
		return errors.New("id_token is for the gate alone; write the claims that are in it, or access_token")
	case oidc:
		return checkClaimName(claim)
	case claim == tokenClaim:
		return errors.New("access_token is for OpenID Connect alone; write client_id and application too, or leave this header out")
	}
	hint := meant(claim, claims)
	if hint == "" {
		hint = "; write one of " + strings.Join(claims, ", ") + ", attributes.<key>, or a text with placeholders"
	}
	return fmt.Errorf("%q is no claim without client_id%s", claim, hint)
}

// checkPlaceholders refuses placeholders of a user that will never be set.
// About the others nothing can be known before there is a request.
func checkPlaceholders(value string, oidc bool) error {
	for _, part := range strings.Split(value, "{"+userPrefix)[1:] {
		field, _, closed := strings.Cut(part, "}")
		if !closed {
			return fmt.Errorf("%q lacks a closing brace", value)
		}
		if err := checkClaim(field, oidc); err != nil {
			return err
		}
	}
	return nil
}
