package signon

import (
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A jar has the application's cookies during a sign-in: those that the browser
// has sent, and those that the application has set since.
type jar struct {
	values map[string]string // the cookies that the application gets, by name
	order  []string
	lines  []setLine // the lines in which the application has set them
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

// add takes the cookies of an answer, parsed by net/http, and the lines that
// have them.
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

// holds reports whether there is a cookie with a name that browsers get.
func (j *jar) holds(patterns []string) bool {
	return slices.ContainsFunc(j.order, func(name string) bool { return rules.MatchesAny(patterns, name) })
}

// given returns the Set-Cookie lines for the browser: those of cookies that the
// operator has named, and never those of the gate's own cookies.
func (j *jar) given(patterns []string, ours func(pair string) bool) (lines []string) {
	for _, set := range j.lines {
		pair, _, _ := strings.Cut(set.line, ";")
		if rules.MatchesAny(patterns, set.name) && !ours(pair) {
			lines = append(lines, set.line)
		}
	}
	return lines
}
