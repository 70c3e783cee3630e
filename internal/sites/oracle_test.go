package sites

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// mallory is the value of every header that a client invents.
const mallory = "mallory"

// judge looks at a request that has reached the application. It was sent with
// the cookies of someone.
func (w *world) judge(asked, seen *http.Request, whose *person) {
	what := asked.Method + " " + asked.URL.String()
	host := slices.IndexFunc([]int{0, 1}, func(i int) bool { return strings.EqualFold(asked.URL.Hostname(), hostOf(i)) })
	own := host >= 0 && slices.ContainsFunc(w.of(host), func(g gate) bool { return g.own })
	for name, values := range seen.Header {
		if isOwn := len(name) == len("X-Own") && strings.EqualFold(name[2:], "own"); isOwn && !own {
			continue // no gate of this host sets it
		}
		if name != "X-Harmless" && strings.Contains(strings.Join(values, " "), mallory) {
			w.fault("%s: the application got %s: %q, which the client has made up", what, name, values)
		}
	}
	w.judgeCookies(what, seen)
	if host < 0 || len(w.of(host)) == 0 {
		w.fault("%s reached the application, which is not on this host", what)
		return
	}
	passed, closed := w.covering(host, asked.URL.Path)
	if preflight(asked) {
		closed = slices.DeleteFunc(closed, func(g gate) bool { return g.preflight })
	}
	if told := identity(passed[len(passed)-1], seen); preflight(asked) && told.name == "" && len(closed) < len(passed) && seen.Header["Authorization"] != nil && !rules.AmbiguousPath(asked.URL) {
		w.judgeBare(what, asked, seen, passed)
	}
	if rules.AmbiguousPath(asked.URL) {
		w.judgeAmbiguous(what, asked, host, seen, whose)
		return
	}
	last := passed[len(passed)-1]
	told := identity(last, seen)
	w.judgeIdentity(what, told)
	w.judgeProgram(what, asked, seen, told, passed)
	for _, g := range closed {
		w.judgeClosed(what, asked, g, g == last, told.name, whose)
	}
	if len(closed) == 0 && told.name != "" && !whose.users[told.name] && programOf(asked, passed...) != told.name {
		w.fault("%s: the application was told %q, want one of %q or no user", what, told.name, keys(whose.users))
	}
}

// judgeClosed looks at a gate that has let a request in. The last one tells the
// application who the user is; the one before it may know another user.
func (w *world) judgeClosed(what string, asked *http.Request, g gate, last bool, name string, whose *person) {
	may := maps.Clone(whose.entered[g.realm()])
	if w.redirects(g.realm()) || whose.calledBack && g.client != "" {
		may = maps.Clone(whose.users)
	}
	if program := programOf(asked, g); program != "" {
		may = maps.Clone(may)
		if may == nil {
			may = map[string]bool{}
		}
		may[program] = true
	}
	maps.DeleteFunc(may, func(name string, _ bool) bool {
		u, known := userNamed(name)
		return !known || !g.admits(u)
	})
	if len(may) == 0 || last && !may[name] {
		w.fault("%s reached the application as %q with the cookies of %s, want one of %q for the gate %+v", what, name, whose.name, keys(may), g)
	}
}

// redirects reports whether a gate of a realm sends browsers to authentik, whose
// own session signs in there without a password.
func (s site) redirects(r realm) bool {
	return slices.ContainsFunc(s.gates, func(g gate) bool { return g.login == "redirect" && g.realm() == r })
}

// judgeAmbiguous looks at a request whose path may mean any other: some gate of
// the host must have let it in.
func (w *world) judgeAmbiguous(what string, asked *http.Request, host int, seen *http.Request, whose *person) {
	for _, g := range w.of(host) {
		if preflight(asked) && g.preflight {
			return
		}
		if told := identity(g, seen); told.name != "" && (whose.users[told.name] || programOf(asked, g) == told.name) {
			return
		}
	}
	w.fault("%s reached the application, want a sign-in for a path that can be read in two ways", what)
}

// preflight reports whether a request is one that browsers send before that of
// another origin.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) == 1 && len(r.Header["Access-Control-Request-Method"]) == 1
}

// judgeBare looks at a preflight that has passed without a session: nothing in it
// says who has sent it.
func (w *world) judgeBare(what string, asked, seen *http.Request, passed []gate) {
	_, closed := w.covering(slices.IndexFunc([]int{0, 1}, func(i int) bool { return strings.EqualFold(asked.URL.Hostname(), hostOf(i)) }), asked.URL.Path)
	if len(closed) > 0 {
		w.fault("%s: the application got Authorization of a preflight that %+v has let in", what, passed)
	}
}

// programOf returns the user whose credential a request shows to gates that let
// programs in: an app password, or at a gate without a client what its flow accepts.
func programOf(asked *http.Request, at ...gate) string {
	shown := asked.Header.Get("Authorization")
	for _, u := range users {
		if slices.ContainsFunc(at, func(g gate) bool {
			return g.basic && (shown == basic(u.name, appPassword(u.name)) || g.client == "" && shown == basic(u.name, password(u.name)))
		}) {
			return u.name
		}
	}
	return ""
}

// judgeProgram fails if the application gets the credential of a program that has
// opened a gate.
func (w *world) judgeProgram(what string, asked, seen *http.Request, told teller, passed []gate) {
	program := programOf(asked, passed...)
	if program != "" && told.name == program && asked.Header["Cookie"] == nil && seen.Header["Authorization"] != nil {
		w.fault("%s: the application got the credential of %s, which has opened the gate", what, program)
	}
}

// judgeResponse looks at what a client gets: explanations only for the staff, and
// nothing for shared caches that is for one user.
func (w *world) judgeResponse(asked *http.Request, res *http.Response, seen *http.Request, whose *person) {
	what := asked.Method + " " + asked.URL.String()
	if lines := res.Header["X-Authentik-Explain"]; len(lines) > 0 {
		member := slices.ContainsFunc(users, func(u user) bool {
			return slices.Contains(u.groups, staff) && (whose.users[u.name] || programOf(asked, w.gates...) == u.name)
		})
		if !member || !slices.ContainsFunc(w.gates, func(g gate) bool { return g.debug }) {
			w.fault("%s: got the explanation %q, which is for members of a group", what, lines)
		}
	}
	host := slices.IndexFunc([]int{0, 1}, func(i int) bool { return strings.EqualFold(asked.URL.Hostname(), hostOf(i)) })
	if seen == nil || host < 0 || len(w.of(host)) == 0 {
		return
	}
	passed, _ := w.covering(host, asked.URL.Path)
	last := passed[len(passed)-1]
	reads := asked.Method == http.MethodGet || asked.Method == http.MethodHead
	if told := identity(last, seen); reads && told.name != "" && !rules.AmbiguousPath(asked.URL) &&
		!slices.ContainsFunc(passed, func(g gate) bool { return g.shared }) && !strings.Contains(res.Header.Get("Cache-Control"), "private") {
		w.fault("%s: got Cache-Control %q on what is for %s, want it private", what, res.Header["Cache-Control"], told.name)
	}
}

// judgeCookies fails if the application is told a cookie of a gate.
func (w *world) judgeCookies(what string, seen *http.Request) {
	for _, c := range seen.Cookies() {
		given := slices.ContainsFunc(w.people, func(p *person) bool { return p.given[c.Name+"="+c.Value] || p.given[c.Value] })
		if given || strings.Contains(c.Name, "authentik") {
			w.fault("%s: the application got the cookie %s of a gate", what, c.Name)
		}
	}
}

// A teller is what the application is told about a user.
type teller struct{ name, full, email, groups string }

// identity reads the headers of the gate that is next to the application.
func identity(g gate, r *http.Request) teller {
	if g.headers == "authentik" {
		return teller{
			r.Header.Get("X-Authentik-Username"), r.Header.Get("X-Authentik-Name"), r.Header.Get("X-Authentik-Email"),
			strings.ReplaceAll(r.Header.Get("X-Authentik-Groups"), "|", ","),
		}
	}
	return teller{r.Header.Get("Remote-User"), r.Header.Get("Remote-Name"), r.Header.Get("Remote-Email"), r.Header.Get("Remote-Groups")}
}

// judgeIdentity fails unless the application is told everything about one user,
// or nothing.
func (w *world) judgeIdentity(what string, told teller) {
	want := teller{}
	if u, known := userNamed(told.name); known {
		want = teller{u.name, u.full, u.email, strings.Join(u.groups, ",")}
	}
	if told != want {
		w.fault("%s: the application was told %+v, want %+v", what, told, want)
	}
}

func keys(of map[string]bool) []string { return slices.Sorted(maps.Keys(of)) }
