package signon

import (
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A jar holds the application's cookies during a sign-in: those that the browser
// has sent, and those that the application has set since.
type jar struct {
	values map[string]string // by name: what the application gets
	order  []string
	lines  []setLine // as the application has set them
}

type setLine struct{ name, line string }

func newJar(r *http.Request) *jar {
	j := &jar{values: map[string]string{}}
	for _, c := range r.Cookies() {
		j.put(c.Name, c.Value)
	}
	return j
}

func (j *jar) put(name, value string) {
	if _, known := j.values[name]; !known {
		j.order = append(j.order, name)
	}
	j.values[name] = value
}

// add takes the cookies of an answer, which net/http has parsed, and the lines that
// they stand in.
func (j *jar) add(cookies []*http.Cookie, lines []string) {
	for _, c := range cookies {
		if c.MaxAge < 0 || c.Value == "" && !c.Expires.IsZero() {
			delete(j.values, c.Name)
			j.order = slices.DeleteFunc(j.order, func(name string) bool { return name == c.Name })
			continue
		}
		j.put(c.Name, c.Value)
	}
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		j.lines = append(j.lines, setLine{strings.TrimSpace(name), line})
	}
}

// send writes the cookies into a request.
func (j *jar) send(r *http.Request) {
	r.Header.Del("Cookie")
	var all []string
	for _, name := range j.order {
		all = append(all, name+"="+j.values[name])
	}
	if len(all) > 0 {
		r.Header.Set("Cookie", strings.Join(all, "; "))
	}
}

// holds reports whether there is a cookie of a name that browsers get.
func (j *jar) holds(patterns []string) bool {
	return slices.ContainsFunc(j.order, func(name string) bool { return rules.MatchesAny(patterns, name) })
}

// given returns the Set-Cookie lines for the browser: of cookies that the
// operator has named, and never of the gate's own cookies.
func (j *jar) given(patterns []string, ours func(pair string) bool) (lines []string) {
	for _, set := range j.lines {
		pair, _, _ := strings.Cut(set.line, ";")
		if rules.MatchesAny(patterns, set.name) && !ours(pair) {
			lines = append(lines, set.line)
		}
	}
	return lines
}
