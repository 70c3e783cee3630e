package authentikadmin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// A RefusedError is an answer of authentik's API that refuses a request.
type RefusedError struct {
	Request string // the method and the path
	Status  int
	// Detail is authentik's own text about the whole request, if there is one,
	// on one line.
	Detail string
	// Fields are authentik's texts about fields of the sent object, each on one
	// line.
	Fields map[string]string
	// Right is the missing right, if authentik refused the request for that
	// reason.
	Right string
}

// Error says what was refused, and which right is missing.
func (e *RefusedError) Error() string {
	switch {
	case e.BadToken():
		return "authentik does not accept the token (" + e.Detail + "); make a new one in authentik's admin interface, " +
			"Directory > Tokens and App passwords, with the intent \"API Token\""
	case e.Right != "":
		return fmt.Sprintf("the token's user lacks the right %q (%s); give it to a role of that user, or use the token of an administrator", e.Right, e.Request)
	}
	text := e.Detail
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		text = strings.TrimPrefix(text+"; "+name+": "+e.Fields[name], "; ")
	}
	return fmt.Sprintf("authentik refuses %s with %d: %s", e.Request, e.Status, plain.Line(text))
}

// BadToken reports whether authentik does not know the token, or got no token.
func (e *RefusedError) BadToken() bool {
	return e.Status == http.StatusForbidden && e.Right == ""
}

// NotFound reports whether the object, or one that the request names, does not
// exist, or the token may not see it.
func (e *RefusedError) NotFound() bool {
	return e.Status == http.StatusNotFound || e.says("object does not exist")
}

// Taken reports whether another object has the name now, although none had it a
// moment before.
func (e *RefusedError) Taken() bool {
	return e.says("already exists") || e.says("must be unique") || e.says("must make a unique set")
}

// says reports whether authentik's text about a field contains part.
func (e *RefusedError) says(part string) bool {
	if e.Status != http.StatusBadRequest {
		return false
	}
	for _, text := range e.Fields {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// An UnexpectedError is an answer that authentik's API does not give.
type UnexpectedError struct {
	Request string
	Status  int
	What    string
}

// Error says what authentik answered instead.
func (e *UnexpectedError) Error() string {
	return fmt.Sprintf("%s: this is not authentik's API: it answers %d and %s; write the address of authentik itself, "+
		"such as https://auth.example.com", e.Request, e.Status, e.What)
}

// A MissingError is an object of authentik's API without a field that every
// known release has.
type MissingError struct{ Request, Field string }

// Error says which field is missing.
func (e *MissingError) Error() string {
	return fmt.Sprintf("authentik's answer to %s has no field %q; this release may be one that this command does not know: look for a newer version of the module", e.Request, e.Field)
}

// noRight matches authentik's texts about a missing right. A missing or a wrong
// token has the same status and other texts.
const noRight = "You do not have permission to perform this action."

// refused returns the error for an answer that refuses.
func refused(method, path string, status int, text []byte) error {
	e := &RefusedError{Request: method + " " + path, Status: status, Fields: map[string]string{}}
	var said map[string]any
	if json.Unmarshal(text, &said) != nil {
		e.Detail = "no reason given"
		return e
	}
	for name, value := range said {
		if name == "detail" {
			e.Detail = plain.Line(flat(value))
			continue
		}
		e.Fields[plain.Line(name)] = plain.Line(flat(value))
	}
	if status == http.StatusForbidden && e.Detail == noRight {
		e.Right = rightFor(method, path)
	}
	return e
}

// flat writes authentik's text about a field on one line.
func flat(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		texts := make([]string, len(value))
		for i, one := range value {
			texts[i] = flat(one)
		}
		return strings.Join(texts, " ")
	case map[string]any:
		var texts []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			texts = append(texts, name+": "+flat(value[name]))
		}
		return strings.Join(texts, " ")
	}
	return fmt.Sprint(value)
}

// models are the names of rights by the beginnings of the paths that need them.
var models = []struct{ path, model string }{
	{pathApplications, "authentik_core.%s_application"},
	{pathProviders, "authentik_providers_oauth2.%s_oauth2provider"},
	{pathProxies, "authentik_providers_proxy.%s_proxyprovider"},
	{pathBindings, "authentik_policies.%s_policybinding"},
	{pathGroups, "authentik_core.%s_group"},
	{pathFlows, "authentik_flows.%s_flow"},
	{pathScopes, "authentik_providers_oauth2.%s_scopemapping"},
	{pathKeys, "authentik_crypto.%s_certificatekeypair"},
	{pathEvents, "authentik_events.%s_event"},
	{pathBrands, "authentik_brands.%s_brand"},
}

// verbs are the names of rights by methods.
var verbs = map[string]string{
	http.MethodGet: "view", http.MethodPost: "add", http.MethodPatch: "change", http.MethodDelete: "delete",
}

// rightFor returns the right that a request needs, by its name in authentik's
// roles.
func rightFor(method, path string) string {
	for _, m := range models {
		if strings.HasPrefix(path, m.path) {
			return fmt.Sprintf(m.model, verbs[method])
		}
	}
	return "of an administrator"
}
