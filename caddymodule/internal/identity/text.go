package identity

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// Claim returns the claim of a text that is a placeholder of one, and nothing
// for any other text.
func Claim(text string) string {
	claim, prefixed := strings.CutPrefix(text, "{"+Prefix)
	claim, closed := strings.CutSuffix(claim, "}")
	if !prefixed || !closed || strings.ContainsAny(claim, "{}") {
		return ""
	}
	return claim
}

// Contains reports whether a text contains the placeholder of a claim.
func Contains(text, claim string) bool { return strings.Contains(text, "{"+Prefix+claim+"}") }

// Text returns a function that replaces the placeholders in a header's value
// for one request. groups returns the groups of a user that headers name. An
// unknown placeholder becomes empty. The gate encodes the whole text, so the
// username in it is not encoded before.
func Text(text string, groups func([]string) []string) func(*http.Request, proxy.Session) string {
	return func(r *http.Request, s proxy.Session) string {
		repl, found := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		if !found {
			return ""
		}
		filled, err := repl.ReplaceFunc(text, func(key string, before any) (any, error) {
			field, ours := strings.CutPrefix(key, Prefix)
			switch {
			case !ours:
				return before, nil
			case field == "groups":
				return joined(groups(s.User().Groups)), nil
			}
			known, _ := value(s, field)
			return known, nil
		})
		if err != nil {
			return ""
		}
		return filled
	}
}

// CheckPlaceholders refuses placeholders of a user that are never set. It
// accepts all other placeholders: whether they are known, only a request shows.
func CheckPlaceholders(text string, source rules.Source) error {
	for _, part := range strings.Split(text, "{"+Prefix)[1:] {
		claim, _, closed := strings.Cut(part, "}")
		if !closed {
			return fmt.Errorf("%q lacks a closing brace", text)
		}
		if err := source.Claim(claim); err != nil {
			return err
		}
	}
	return nil
}

// CheckCredential checks a name or a password at the application, which is the
// same for all requests of a session.
func CheckCredential(text string, source rules.Source) error {
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, closed := strings.Cut(part, "}")
		claim, ours := strings.CutPrefix(name, Prefix)
		switch {
		case !closed:
			return fmt.Errorf("%q lacks a closing brace", text)
		case strings.HasPrefix(name, "env."), strings.HasPrefix(name, "file."):
		case !ours:
			return fmt.Errorf("{%s} can differ from request to request; write placeholders of the user, such as {http.auth.user.username}, or {env.NAME}", name)
		case claim == "session", claim == AssertionClaim:
			return fmt.Errorf("{%s} is not a name or a password; write another placeholder", name)
		default:
			if err := source.Claim(claim); err != nil {
				return err
			}
		}
	}
	return nil
}

// Credential returns a text for a session's user. If a placeholder in it is
// unknown, the whole text is empty: a name or a password must not be
// incomplete.
func Credential(text string) func(proxy.Session) string {
	return func(s proxy.Session) string {
		filled, err := caddy.NewEmptyReplacer().ReplaceFunc(text, func(key string, _ any) (any, error) {
			known, found := value(s, strings.TrimPrefix(key, Prefix))
			if !found || known == nil || known == "" {
				return nil, errUnknownCredential
			}
			return known, nil
		})
		if err != nil {
			return ""
		}
		return filled
	}
}

var errUnknownCredential = errors.New("the placeholder has no value")
