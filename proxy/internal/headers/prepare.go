package headers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Header is one line that is ready to be set.
type Header struct{ Name, Value string }

// A Problem is a value that the application does not get as configured.
type Problem struct {
	Header string
	// Size is that of the value in bytes. It is larger than Max, and the header
	// was left out: cut off, it could end in the name of another group.
	Size, Max int
	// Encoding has no characters for the value, which was percent-encoded. It is
	// empty if the value was left out.
	Encoding Encoding
}

// Prepare makes the headers that are the same for every request of a session:
// of its user, of its public ID, and of its access token where there is one.
func (h *Headers) Prepare(u user.User, sessionID, accessToken string) (prepared []Header, problems []Problem) {
	u.Groups = h.Groups(u.Groups)
	for _, rule := range h.rules {
		if rule.Value != nil {
			continue
		}
		names, separator := namesOf(rule.Claim, u, sessionID, accessToken)
		if line, ok := h.line(rule, names, separator, &problems); ok {
			prepared = append(prepared, line)
		}
	}
	return prepared, problems
}

// Set sets prepared headers, and those that are made for each request. The
// values of all prepared ones share one array that belongs to this request only,
// since handlers behind the gate may change them in place.
func (h *Headers) Set(r *http.Request, prepared []Header) (problems []Problem) {
	values := make([]string, len(prepared))
	for i, line := range prepared {
		values[i] = line.Value
		r.Header[line.Name] = values[i : i+1 : i+1]
	}
	for _, rule := range h.rules {
		if rule.Value == nil {
			continue
		}
		if line, ok := h.line(rule, []string{rule.Value(r)}, "", &problems); ok {
			r.Header[line.Name] = []string{line.Value}
		}
	}
	return problems
}

// line makes the header of a rule. ok is false if there is nothing to say, or
// too much.
func (h *Headers) line(rule Rule, names []string, separator string, problems *[]Problem) (line Header, ok bool) {
	value, fellBack := rule.Encoding.join(names, separator)
	switch {
	case len(value) > h.maxSize:
		*problems = append(*problems, Problem{Header: rule.Name, Size: len(value), Max: h.maxSize})
		return Header{}, false
	case fellBack:
		*problems = append(*problems, Problem{Header: rule.Name, Encoding: rule.Encoding})
	}
	return Header{rule.Name, value}, value != ""
}

// Groups returns the groups that the application is told of.
func (h *Headers) Groups(groups []string) []string {
	if len(h.groups) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(group string) bool {
		return !slices.ContainsFunc(h.groups, func(pattern string) bool { return rules.GroupMatches(pattern, group) })
	})
}

// namesOf returns what is known under a claim, and what to write between several
// names: a comma, or a bar if the claim ends with one.
func namesOf(claim string, u user.User, sessionID, accessToken string) (names []string, separator string) {
	claim, bar := strings.CutSuffix(claim, "|")
	separator = ","
	if bar {
		separator = "|"
	}
	switch claim {
	case "username", "id":
		return []string{u.Username}, ""
	case "session":
		return []string{sessionID}, ""
	case "access_token":
		return []string{accessToken}, ""
	case "groups":
		return u.Groups, separator
	}
	value := user.Claim(u, claim)
	if list, ok := value.([]any); ok {
		return user.Scalars(list), separator
	}
	return []string{user.Scalar(value)}, ""
}

// Lines returns the identity headers that a request has.
func (h *Headers) Lines(r *http.Request) (lines []Header) {
	for _, rule := range h.rules {
		if value := r.Header[rule.Name]; len(value) > 0 {
			lines = append(lines, Header{Name: rule.Name, Value: value[0]})
		}
	}
	return lines
}
