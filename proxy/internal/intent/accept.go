package intent

import (
	"mime"
	"net/http"
	"regexp"
	"strings"
)

// maxAccept is how many bytes of an Accept header are read. Browsers and
// libraries send less than 200.
const maxAccept = 2 << 10

// WantsJSON reports whether r asks for JSON instead of a page: its Accept has
// application/json and not text/html. Ranges with an asterisk do not count,
// since every client sends them. A page load always gets a page, and so does a
// request with a malformed header.
func WantsJSON(r *http.Request) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" || len(accept) > maxAccept {
		return false
	}
	named := false
	for _, text := range splitList(accept) {
		kind, wanted, ok := mediaRange(text)
		if !ok || wanted && kind == "text/html" {
			return false
		}
		named = named || wanted && kind == "application/json"
	}
	return named
}

// namesHTML reports whether the Accept header has text/html. Ranges with an
// asterisk do not count.
func namesHTML(r *http.Request) bool { return names(r, "text/html") }

// names reports whether a client asks for a type by name.
func names(r *http.Request, want string) bool {
	accept := strings.Join(r.Header["Accept"], ",")
	if len(accept) > maxAccept {
		return false
	}
	for _, text := range splitList(accept) {
		if kind, wanted, ok := mediaRange(text); ok && wanted && kind == want {
			return true
		}
	}
	return false
}

// weights are the values that q may have (RFC 9110, 12.4.2).
var weights = regexp.MustCompile(`^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$`)

// mediaRange reads one range of an Accept header. A weight of zero says that it is
// not wanted.
func mediaRange(text string) (kind string, wanted, ok bool) {
	kind, params, err := mime.ParseMediaType(text)
	if err != nil {
		return "", false, false
	}
	q, weighed := params["q"]
	if weighed && !weights.MatchString(q) {
		return "", false, false
	}
	return kind, !weighed || strings.Trim(q, "0.") != "", true
}

// splitList splits a header's list. A comma in a quoted string does not
// separate (RFC 9110, 5.6.1 and 5.6.4). Elements may be empty.
func splitList(list string) []string {
	var all []string
	quoted, from := false, 0
	add := func(to int) {
		if part := strings.TrimSpace(list[from:to]); part != "" {
			all = append(all, part)
		}
		from = to + 1
	}
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == '\\' && quoted:
			i++
		case list[i] == ',' && !quoted:
			add(i)
		}
	}
	add(len(list))
	return all
}
