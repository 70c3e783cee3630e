// Package identity tells other handlers of Caddy who is signed in: in
// placeholders, and in texts with placeholders of the user.
//
//   - identity.go: the placeholders
//   - text.go: texts with placeholders, for headers, names and passwords
package identity

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

const (
	// Prefix begins the placeholders of the signed-in user.
	Prefix = "http.auth.user."
	// attributePrefix begins the claims that are attributes of the user.
	attributePrefix = "attributes."
	// TokenClaim is the access token. Only gates that have a header with it keep
	// it in memory.
	TokenClaim = "access_token"
	// AssertionClaim is a signed assertion. Only gates that have a header with it
	// sign assertions.
	AssertionClaim = "assertion"
)

// SetPlaceholders sets the placeholders of the signed-in user for the handlers
// after the gate. It deletes those of other modules, since authentik is
// authoritative. A value is computed when its placeholder is used.
//
// The placeholder id is written like the username in the headers: php_fastcgi
// sends it to the application as REMOTE_USER, together with the headers.
func SetPlaceholders(r *http.Request, s proxy.Session, encoding proxy.HeaderEncoding) {
	repl, found := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !found {
		return
	}
	repl.DeleteByPrefix(Prefix)
	repl.Map(func(key string) (any, bool) {
		field, ours := strings.CutPrefix(key, Prefix)
		switch {
		case !ours:
			return nil, false
		case field == "id":
			return encoding.Spell(s.User().Username), true
		}
		return value(s, field)
	})
}

// value returns the value of a placeholder of the user. name is the part after
// Prefix.
func value(s proxy.Session, field string) (any, bool) {
	switch field {
	case "id", "username":
		return s.User().Username, true
	case "name":
		return s.User().Name, true
	case "email":
		return s.User().Email, true
	case "uid":
		return s.User().UID, true
	case "groups":
		return joined(s.User().Groups), true
	case "session":
		return s.ID(), true
	case TokenClaim:
		return s.AccessToken(), true
	case AssertionClaim:
		return s.Assertion(), true
	}
	if path, isAttribute := strings.CutPrefix(field, attributePrefix); isAttribute {
		found, known := attribute(s.User().Attributes, path)
		return flat(found), known
	}
	claimed, found := s.Claim(field)
	return flat(claimed), found
}

// flat joins a list in the same way as groups, and returns other values
// unchanged. Objects have no text.
func flat(value any) any {
	if _, isMap := value.(map[string]any); isMap {
		return nil
	}
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

// joined joins names with commas, as in headers in UTF-8, so that one name
// cannot look like two.
func joined(names []string) string { return proxy.EncodingUTF8.Join(names) }

// attribute returns the value under a key, or under a path of keys with dots
// between them.
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
