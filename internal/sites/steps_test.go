package sites

import (
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A step is something that happens at a site. Its seed decides all about it, so
// that a list of steps can be shortened.
type step struct {
	kind string
	seed uint64
}

// kinds are the kinds of steps, the more frequent ones more often.
var kinds = []string{
	"request", "request", "request", "request", "request", "request", "request", "request", "request", "request",
	"visit", "visit", "begin", "begin", "continue", "continue", "continue", "sign in", "sign in", "sign in",
	"stream", "stream", "sign out", "operator", "authentik", "reload",
}

func randomSteps(random *rand.Rand, n int) []step {
	steps := make([]step, n)
	for i := range steps {
		steps[i] = step{kinds[random.IntN(len(kinds))], random.Uint64()}
	}
	return steps
}

// do does a step.
func (w *world) do(s step) {
	random := rand.New(rand.NewPCG(s.seed, 0)) //nolint:gosec // the same each time
	p, host := w.people[random.IntN(len(w.people))], w.gates[random.IntN(len(w.gates))].host
	switch s.kind {
	case "request":
		w.randomRequest(random, p, host)
	case "visit":
		p.visit(host, w.randomPath(random, host))
	case "begin":
		p.begin(host, w.closedPath(random, host), users[random.IntN(len(users))].name)
	case "continue":
		if len(p.tabs) > 0 {
			p.step(random.IntN(len(p.tabs)), chance(random, 8))
		}
	case "sign in":
		p.begin(host, w.closedPath(random, host), users[random.IntN(len(users))].name)
		for range 8 {
			if len(p.tabs) == 0 || !p.step(len(p.tabs)-1, false) {
				break
			}
		}
	case "stream":
		p.openStream(host, w.closedPath(random, host)+"/stream")
	case "sign out":
		w.signOut(p, host)
	case "operator":
		w.endAll(users[random.IntN(len(users))].name)
	case "authentik":
		w.endAtAuthentik(users[random.IntN(len(users))].name)
	case "reload":
		if err := w.load(); err != nil {
			w.fault("reload: %w", err)
		}
	}
}

// closedPath is a path below one of the gates of a host.
func (w *world) closedPath(random *rand.Rand, host int) string {
	gates := w.of(host)
	return gates[random.IntN(len(gates))].under + pick(random, "/x", "/x/y", "/a.html")
}

// odd are the ends of paths that are not like others.
var odd = []string{
	"/open/a", "/open/..;/x", "/open/../x", "/open/%2e%2e/x", "/open/%252e%252e/x", `/open/..\x`, "/open//x", "/open/x%00", "/open/%2fx",
	"//x", "/", "/x;a=1", "/if/flow/login/", "/if/flow/" + flow + "/?next=%2Fx", "/api/v3/flows/executor/" + flow + "/", "/static/dist/x.js",
	"/open/stream/a", "/leave", "/p0/leave", "/acs", "/p0/acs", "/P0/x", "/p0/../p1/x", "/p0%2fx", "/outpost.goauthentik.io/start", "/x?next=https://evil.example/", "/favicon.ico",
}

func (w *world) randomPath(random *rand.Rand, host int) string {
	switch random.IntN(4) {
	case 0:
		return w.closedPath(random, host)
	case 1:
		own := w.ownPath(pick(random, "/login", "/login?to=/x", "/logout", "/session", "/callback?code=a&state=b", "/none", "/backchannel-logout", "/../x", ""))
		return own
	case 2:
		return w.of(host)[0].under + odd[random.IntN(len(odd))]
	default:
		return odd[random.IntN(len(odd))]
	}
}

// madeUp are headers that a client could send, with values that change nothing.
var madeUp = []string{
	"Remote-User", "remote-name", "Remote-Groups", "REMOTE-EMAIL", "Remote.User", "Remote~User", "X-Authentik-Username", "X-authentik-groups",
	"X.Authentik.Username", "X-Authentik-Meta-App", "X-Own", "x~own",
}

var harmless = [][2]string{
	{"Accept", "text/html"},
	{"Accept", "*/*"},
	{"Accept", "application/json"},
	{"Accept", "text/event-stream"},
	{"Sec-Fetch-Mode", "navigate"},
	{"Sec-Fetch-Mode", "cors"},
	{"Sec-Fetch-Dest", "iframe"},
	{"Sec-Fetch-Dest", "empty"},
	{"Sec-Fetch-Site", "cross-site"},
	{"X-Requested-With", "XMLHttpRequest"},
	{"User-Agent", "kube-probe/1.30"},
	{"X-Forwarded-Uri", "/open/a"},
	{"X-Forwarded-Method", "OPTIONS"},
	{"X-Original-Url", "/open/a"},
	{"X-Rewrite-Url", "/open/a"},
	{"X-Forwarded-Host", "evil.example"},
	{"Forwarded", "host=evil.example;proto=https"},
	{"Authorization", "Bearer x"},
	{"Authorization", "Basic YWRhOngK"},
	{"X-Http-Method-Override", "GET"},
	{"Origin", "https://evil.example"},
	{"Connection", "Remote-User"},
	{"Connection", "close, X-Authentik-Username"},
	{"Connection", "X-Own"},
	{"Range", "bytes=0-3"},
	{"Purpose", "prefetch"},
	{"X-Harmless", mallory},
}

// randomRequest sends a request with the cookies of someone, of which some may
// be exchanged.
func (w *world) randomRequest(random *rand.Rand, p *person, host int) {
	method := pick(random, "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND")
	u, err := url.Parse(w.origin(host, w.port) + w.randomPath(random, host))
	if err != nil {
		return // which Caddy would refuse too
	}
	r, err := http.NewRequestWithContext(w, method, u.String(), strings.NewReader(pick(random, "", "", "a=b", `{"visit": "x"}`)))
	if err != nil {
		return
	}
	for range random.IntN(4) {
		h := harmless[random.IntN(len(harmless))]
		r.Header.Add(h[0], h[1])
	}
	if chance(random, 10) {
		r.Method, r.Body, r.ContentLength = http.MethodOptions, http.NoBody, 0
		r.Header.Set("Origin", pick(random, "https://evil.example", w.origin(host, w.port)))
		r.Header.Set("Access-Control-Request-Method", "POST")
	}
	if chance(random, 6) {
		name := users[random.IntN(len(users))].name
		r.Header.Set("User-Agent", "dav/1")
		r.Header["Authorization"] = []string{basic(name, pick(random, appPassword(name), appPassword(name), password(name), "wrong"))}
	}
	for range random.IntN(3) {
		r.Header[madeUp[random.IntN(len(madeUp))]] = []string{mallory}
	}
	whose := w.people[random.IntN(len(w.people))]
	if !chance(random, 8) {
		r.Header.Set("Cookie", w.randomCookies(random, whose, host))
	}
	by := p.h1
	if chance(random, 2) {
		by = p.h2
		r.Header.Del("Connection")
	}
	for try := 1; ; try++ {
		res, err := p.send(r.Clone(w), by, whose)
		if err != nil {
			return // a server that is replaced may break a connection off
		}
		body, _ := io.ReadAll(io.LimitReader(res.Body, 4096))
		_ = res.Body.Close()
		if res.StatusCode < http.StatusInternalServerError {
			return
		}
		if try == 2 { // the server that is replaced says that it has ended
			w.fault("%s %s: got status %d: %s\n%s", method, u, res.StatusCode, body, w.said())
			return
		}
	}
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// randomCookies are someone's cookies for a host, as they are, broken, or with
// the values of one name under another.
func (w *world) randomCookies(random *rand.Rand, whose *person, host int) string {
	cookies := whose.cookies(host)
	names := slices.Sorted(mapKeys(cookies))
	pairs := []string{"theme=dark"}
	for _, name := range names {
		value := cookies[name]
		switch random.IntN(6) {
		case 0:
			value = cookies[names[random.IntN(len(names))]]
		case 1:
			value = value[:random.IntN(len(value)+1)]
		case 2:
			pairs = append(pairs, name+"=junk")
		case 3:
			other := whose.cookies(1 - host)
			for n, v := range other {
				pairs = append(pairs, n+"="+v)
			}
		}
		pairs = append(pairs, name+"="+value)
	}
	random.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	return strings.Join(pairs, "; ")
}

func mapKeys(of map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range of {
			if !yield(k) {
				return
			}
		}
	}
}

func (s step) String() string { return fmt.Sprintf("%s %d", s.kind, s.seed) }
