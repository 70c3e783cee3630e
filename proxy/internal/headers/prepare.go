package headers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// maxValue is how long a header's value may be, in bytes. A longer one is left
// out: cut off, it could end in the name of another group.
const maxValue = 4 << 10

// A Header is one line that is ready to be set.
type Header struct{ Name, Value string }

// Prepare makes the headers that are the same for every request of a session:
// of its user, of its public ID, and of its access token where there is one. A
// header whose value is too long is not among them, and err names it.
func (h *Headers) Prepare(u user.User, sessionID, accessToken string) (prepared []Header, err error) {
	var errs []error
	for _, rule := range h.rules {
		if rule.Value != nil {
			continue
		}
		value := valueOf(rule.Claim, u, sessionID, accessToken)
		switch {
		case len(value) > maxValue:
			errs = append(errs, fmt.Errorf("header %s is left out: it has %d bytes, and %d are the most", rule.Name, len(value), maxValue))
		case value != "":
			prepared = append(prepared, Header{rule.Name, value})
		}
	}
	return prepared, errors.Join(errs...)
}

// Set sets prepared headers, and those that are made for each request. The
// values of all prepared ones share one array that belongs to this request only,
// since handlers behind the gate may change them in place.
func (h *Headers) Set(r *http.Request, prepared []Header) {
	values := make([]string, len(prepared))
	for i, line := range prepared {
		values[i] = line.Value
		r.Header[line.Name] = values[i : i+1 : i+1]
	}
	for _, rule := range h.rules {
		if rule.Value == nil {
			continue
		}
		if value := encode(rule.Value(r), ""); value != "" && len(value) <= maxValue {
			r.Header[rule.Name] = []string{value}
		}
	}
}

// valueOf returns what is known under a name, safe for a header. Several values
// are separated by commas, or by a bar if the name ends with one.
func valueOf(claim string, u user.User, sessionID, accessToken string) string {
	name, bar := strings.CutSuffix(claim, "|")
	separator := ","
	if bar {
		separator = "|"
	}
	switch claim {
	case "username", "id":
		return encode(u.Username, "")
	case "session":
		return sessionID
	case "access_token":
		return encode(accessToken, "")
	}
	if name == "groups" {
		return joined(u.Groups, separator)
	}
	if list, ok := user.Claim(u, name).([]any); ok {
		return joined(user.Scalars(list), separator)
	}
	return encode(user.Scalar(user.Claim(u, name)), "")
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
