package headers

import (
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A Header is a header line that is ready to be set.
type Header struct{ Name, Value string }

// A Problem is a header that the application does not get as configured.
type Problem struct {
	Header string
	// Size is the size of the value in bytes. It is larger than Max, and the
	// header was left out. The value is not cut off, since it could then end
	// with the name of another group.
	Size, Max int
	// Encoding cannot represent the value, which was percent-encoded. It is
	// empty if the header was left out.
	Encoding Encoding
	// Missing says that the header was left out because its claim is unknown.
	Missing bool
}

// A Subject is the user, and the session, that the headers are about.
type Subject struct {
	User user.User
	// Session is the public ID of the session.
	Session string
	// AccessToken and IDToken are empty without OpenID Connect.
	AccessToken, IDToken string
}

// Prepare makes the headers that are the same for every request of a session.
func (h *Headers) Prepare(s Subject) (prepared []Header, problems []Problem) {
	s.User.Groups = h.Groups(s.User.Groups)
	for _, rule := range h.rules {
		if rule.Value != nil {
			continue
		}
		names, separator := h.namesOf(rule.Claim, s)
		if rule.Of != nil {
			names = []string{rule.Of(s)}
			if names[0] == "" {
				problems = append(problems, Problem{Header: rule.Name, Missing: true})
			}
		}
		if line, ok := h.line(rule, names, separator, &problems); ok {
			prepared = append(prepared, line)
		}
	}
	return append(prepared, h.ofUser(s.User, &problems)...), problems
}

// ofUser makes the headers that a user's attributes set. They can never be a
// header of the preset or of a rule, or a header that clients could send for
// another user.
func (h *Headers) ofUser(u user.User, problems *[]Problem) (lines []Header) {
	if h.additional == nil {
		return nil
	}
	all := user.AdditionalHeaders(u)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		rule := Rule{Name: textproto.CanonicalMIMEHeaderKey(name), Encoding: h.encoding}
		if !h.additional[rule.Name] && !h.mayAdd(rule.Name) {
			continue
		}
		if line, ok := h.line(rule, []string{all[name]}, "", problems); ok {
			lines = append(lines, line)
		}
	}
	return lines
}

// mayAdd reports whether a user's attributes can set a header that is not
// listed.
func (h *Headers) mayAdd(name string) bool {
	var buf [maxName]byte
	folded := string(fold(&buf, name))
	return validName(name) && strings.HasPrefix(folded, outposts) && len(folded) > len(outposts) && !h.presets[folded] && !h.names[folded]
}

// TellsIDToken reports whether the application gets the ID token.
func (h *Headers) TellsIDToken() bool {
	return slices.ContainsFunc(h.rules, func(rule Rule) bool { return rule.Value == nil && rule.Claim == idToken })
}

// Set sets prepared headers, and those that are made for each request. The
// values of all prepared headers share one array. It belongs to this request
// only, since handlers behind the gate may change values in place.
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

// line makes the header of a rule. ok is false if the value is empty or too
// long.
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

// Groups returns the groups that the application gets.
func (h *Headers) Groups(groups []string) []string {
	if len(h.groups) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(group string) bool {
		return !rules.MatchesAny(h.groups, group)
	})
}

// namesOf returns the values of a claim, and the separator between them: a
// comma, or a bar if the claim ends with one.
func (h *Headers) namesOf(claim string, s Subject) (names []string, separator string) {
	claim, bar := strings.CutSuffix(claim, "|")
	separator = ","
	if bar {
		separator = "|"
	}
	switch claim {
	case "username", "id":
		return []string{s.User.Username}, ""
	case "session":
		return []string{s.Session}, ""
	case "access_token":
		return []string{s.AccessToken}, ""
	case idToken:
		return []string{s.IDToken}, ""
	case application, providerKeys:
		return []string{h.facts[claim]}, ""
	case "groups":
		return s.User.Groups, separator
	}
	value := user.Claim(s.User, claim)
	if list, ok := value.([]any); ok {
		return user.Scalars(list), separator
	}
	return []string{user.Scalar(value)}, ""
}

// Lines returns the identity headers that a request has after Strip and Set.
func (h *Headers) Lines(r *http.Request) (lines []Header) {
	for name, values := range r.Header {
		if len(values) > 0 && h.protects(name) {
			lines = append(lines, Header{Name: name, Value: values[0]})
		}
	}
	return lines
}
