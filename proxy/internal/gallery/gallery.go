package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// A Gallery is a site with every page. Its index is at /, and each page is at
// its name. The names are listed at /names, and those of Distinct at
// /names?distinct.
type Gallery struct {
	pages *page.Pages
	draw  map[string]draw
}

// A draw answers with one page.
type draw func(http.ResponseWriter, *http.Request) error

// New returns a gallery from the test data of package page: the recorded
// challenges in challenges/, and the challenges that were written for tests in
// made/.
func New(testdata fs.FS) (*Gallery, error) {
	g := &Gallery{draw: map[string]draw{}}
	var err error
	g.pages, err = page.New(page.Config{
		Prefix: prefix, PublicHost: "auth.example.com", Root: "https://auth.example.com/",
		Seal: url.QueryEscape,
	})
	if err != nil {
		return nil, err
	}
	g.own()
	return g, errors.Join(g.recorded(testdata), g.made(testdata))
}

const prefix = "/.authentik"

// restless are the scripts with which pages continue by themselves or send
// requests. In the gallery a page must not change.
var restless = []string{"agent.js", "arrived.js", "logout.js", "send.js", "telegram.js"}

// Names are the names of all pages, in order.
func (g *Gallery) Names() []string { return slices.Sorted(maps.Keys(g.draw)) }

// Distinct are the names of pages that together contain every combination of
// two neighbouring kinds of elements.
func (g *Gallery) Distinct() (names []string, err error) {
	missing := map[string]map[string]bool{} // the combinations of elements on each page
	for _, name := range g.Names() {
		w := httptest.NewRecorder()
		if err := g.draw[name](w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost/", http.NoBody)); err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		if missing[name], err = moulds(w.Body); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	for {
		most := slices.MaxFunc(g.Names(), func(a, b string) int { return cmp.Compare(len(missing[a]), len(missing[b])) })
		seen := missing[most]
		if len(seen) == 0 {
			slices.Sort(names)
			return names, nil
		}
		names = append(names, most)
		seen = maps.Clone(seen)
		for _, left := range missing {
			maps.DeleteFunc(left, func(mould string, _ bool) bool { return seen[mould] })
		}
	}
}

// ServeHTTP shows the index, a page, or what a page needs.
func (g *Gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch name := strings.TrimPrefix(r.URL.Path, "/"); {
	case slices.Contains(restless, path.Base(r.URL.Path)):
		w.Header().Set("Content-Type", "text/javascript")
	case strings.HasPrefix(r.URL.Path, prefix+"/assets/"):
		g.pages.Assets().ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, prefix+"/brand/"):
		paint(w, r)
	case r.URL.Path == prefix+"/login":
		_, _ = io.WriteString(w, `{"next":"wait"}`) // the answer to pages that poll whether to go on
	case g.draw[name] != nil:
		if err := g.draw[name](w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case name == "":
		g.index(w)
	case name == "names":
		g.list(w, r.URL.Query().Has("distinct"))
	default:
		http.NotFound(w, r)
	}
}

func (g *Gallery) index(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>All pages</title><h1>All pages</h1>`)
	for _, name := range g.Names() {
		_, _ = fmt.Fprintf(w, "<p><a href=\"/%[1]s\">%[1]s</a></p>", name) // our own file names
	}
}

// list writes the names of all pages, or of the distinct ones, one on each
// line.
func (g *Gallery) list(w http.ResponseWriter, distinct bool) {
	names := g.Names()
	if distinct {
		var err error
		if names, err = g.Distinct(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	_, _ = io.WriteString(w, strings.Join(names, "\n"))
}

func (g *Gallery) recorded(testdata fs.FS) error {
	files, err := fs.Glob(testdata, "challenges/*/*.json")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no recorded challenges: %w", cmp.Or(err, fs.ErrNotExist))
	}
	for _, file := range files {
		var all []struct {
			From      string
			Challenge json.RawMessage
		}
		if err := read(testdata, file, &all); err != nil {
			return err
		}
		for i, one := range all {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "challenges/"), ".json")
			if err := g.hang(fmt.Sprintf("%s/%s-%d", name, one.From, i), one.Challenge); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Gallery) made(testdata fs.FS) error {
	files, err := fs.Glob(testdata, "made/*.json")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no challenges written for tests: %w", cmp.Or(err, fs.ErrNotExist))
	}
	for _, file := range files {
		var challenge json.RawMessage
		if err := read(testdata, file, &challenge); err != nil {
			return err
		}
		if err := g.hang("made/"+strings.TrimSuffix(path.Base(file), ".json"), challenge); err != nil {
			return err
		}
	}
	return nil
}

func read(from fs.FS, file string, into any) error {
	raw, err := fs.ReadFile(from, file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}

// hang adds the page of a challenge, on a site where passkeys work.
func (g *Gallery) hang(name string, raw []byte) error {
	c, err := flowclient.Decode(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	g.draw[name] = func(w http.ResponseWriter, r *http.Request) error {
		origin := "http://" + r.Host
		return g.pages.Ask(w, r, page.Question{
			Step:  flowclient.Step{Flow: flowclient.Flow{Slug: "login"}, Challenge: c, Root: origin + "/"},
			Brand: brand(), Visit: "sealed-visit", Back: "/app?a=1", Origin: origin,
			Elsewhere: "https://auth.example.com/if/flow/login/",
		})
	}
	return nil
}

// own adds the pages that show no challenge.
func (g *Gallery) own() {
	add := func(name string, f func(http.ResponseWriter, *http.Request)) {
		g.draw["own/"+name] = func(w http.ResponseWriter, r *http.Request) error { f(w, r); return nil }
	}
	down := page.Failure{Code: "authentik-unreachable", Status: http.StatusServiceUnavailable}
	lost := page.Failure{Code: "visit-lost", Status: http.StatusBadRequest}
	denied := page.Failure{Code: "not-allowed", Status: http.StatusForbidden}
	weak := page.Failure{Code: "step-up-refused", Status: http.StatusForbidden}
	client := page.Failure{Code: "client-rejected", Status: http.StatusBadGateway}
	add("client", func(w http.ResponseWriter, r *http.Request) { g.pages.Fail(w, r, client, "/app", brand()) })
	add("unreachable", func(w http.ResponseWriter, r *http.Request) { g.pages.Fail(w, r, down, "/app", flowclient.Brand{}) })
	add("lost", func(w http.ResponseWriter, r *http.Request) { g.pages.Fail(w, r, lost, "/app", brand()) })
	add("forbidden", func(w http.ResponseWriter, r *http.Request) {
		g.pages.Forbid(w, r, denied, "jane.doe", []string{"Only staff may use this."}, "/app", brand())
	})
	add("step-up", func(w http.ResponseWriter, r *http.Request) {
		g.pages.Forbid(w, r, weak, "jane.doe", nil, "/app", brand())
	})
	unsigned := page.Failure{Code: "denied-by-flow", Status: http.StatusForbidden, Cause: "returned_unsigned"}
	add("unsigned", func(w http.ResponseWriter, r *http.Request) { g.pages.Fail(w, r, unsigned, "/app", brand()) })
	add("several", func(w http.ResponseWriter, r *http.Request) {
		g.pages.Several(w, r, page.Failure{Code: "several-sessions", Status: http.StatusBadRequest}, "/.authentik/sign-in?request=v.x", brand())
	})
	for _, why := range []string{"no_cookie", "no_session", "other_gate", "step_up"} {
		f := page.Failure{Code: "sign-in-loop", Status: http.StatusLoopDetected, Cause: "loop_" + why}
		add("loop-"+strings.ReplaceAll(why, "_", "-"), func(w http.ResponseWriter, r *http.Request) { g.pages.Fail(w, r, f, "/app", brand()) })
	}
	for name, chosen := range map[string]page.ChosenSource{
		"source": {Name: "GitHub"}, "source-barred": {Name: "GitHub", Barred: true},
		"source-plex": {Name: "Plex", Plex: "https://app.plex.tv/auth#!?clientID=c&code=x7y8z9"},
	} {
		add(name, func(w http.ResponseWriter, r *http.Request) { g.chosen(w, r, chosen) })
	}
	add("elsewhere", g.unknown)
	add("sign-out", func(w http.ResponseWriter, r *http.Request) { g.pages.SignOut(w, r, "jane.doe", brand()) })
	for name, framed := range map[string]page.FrameLinks{
		"framed": {SignIn: prefix + "/login?to=%2F.authentik%2Fframed", Own: "/app"}, "framed-elsewhere": {Own: "/app"},
	} {
		add(name, func(w http.ResponseWriter, r *http.Request) { g.pages.Framed(w, r, framed, brand()) })
	}
	add("framed-arrived", func(w http.ResponseWriter, r *http.Request) { g.pages.SignedInFromFrame(w, r, "jane.doe", brand()) })
	add("signing-out", func(w http.ResponseWriter, r *http.Request) { g.pages.SigningOut(w, r, prefix+"/signed-out", brand()) })
	for name, how := range map[string]page.SignOutScope{
		"signed-out": page.SignOutUnknown, "signed-out-all": page.SignOutEverywhere, "signed-out-here": page.SignOutHere,
	} {
		add(name, func(w http.ResponseWriter, r *http.Request) { g.pages.SignedOut(w, r, how, brand()) })
	}
	g.late(add)
}

// late adds the pages about a form that was sent without a session.
func (g *Gallery) late(add func(name string, f func(http.ResponseWriter, *http.Request))) {
	fields := []page.Field{{Name: "title", Value: "Minutes"}, {Name: "text", Value: "The first line"}}
	kept := page.LateForm{SignIn: prefix + "/login?to=%2Fapp", Continue: prefix + "/late", Fields: fields}
	files := kept
	files.Files = []string{"plan.pdf", "an unusually long name of a photograph from the summer.jpeg"}
	add("late", func(w http.ResponseWriter, r *http.Request) { g.pages.Late(w, r, kept, brand()) })
	add("late-files", func(w http.ResponseWriter, r *http.Request) { g.pages.Late(w, r, files, brand()) })
	add("late-lost", func(w http.ResponseWriter, r *http.Request) { g.pages.LateLost(w, r, kept.SignIn, brand()) })
	add("late-foreign", func(w http.ResponseWriter, r *http.Request) { g.pages.LateForeign(w, r, kept.SignIn, brand()) })
	add("late-signed-in", func(w http.ResponseWriter, r *http.Request) { g.pages.LateSignedIn(w, r, "jane.doe", brand()) })
	add("late-other", func(w http.ResponseWriter, r *http.Request) { g.pages.LateOther(w, r, kept, "joe.doe", brand()) })
	add("late-send", func(w http.ResponseWriter, r *http.Request) {
		g.pages.LateSend(w, r, page.LateSend{To: "/app/save", Fields: fields, Files: true, Username: "jane.doe"}, brand())
	})
}

// chosen draws a challenge whose source was chosen.
func (g *Gallery) chosen(w http.ResponseWriter, r *http.Request, source page.ChosenSource) {
	_ = g.pages.Ask(w, r, page.Question{ // tests of package page check the error
		Step:  flowclient.Step{Flow: flowclient.Flow{Slug: "login"}, Challenge: flowclient.Identification{}},
		Brand: brand(), Visit: "sealed-visit", Back: "/app", Elsewhere: "https://auth.example.com/if/flow/login/", Source: &source,
	})
}

// unknown draws a challenge that only authentik's own page can show, from which
// the visitor comes back signed in.
func (g *Gallery) unknown(w http.ResponseWriter, r *http.Request) {
	_ = g.pages.Ask(w, r, page.Question{ // tests of package page check the error
		Step:  flowclient.Step{Flow: flowclient.Flow{Slug: "login"}, Challenge: flowclient.Unknown{}},
		Brand: brand(), Visit: "sealed-visit", Back: "/app", Elsewhere: prefix + "/login?at=authentik&to=%2Fapp",
	})
}

func brand() flowclient.Brand {
	return flowclient.Brand{
		Title: "Example", Logo: "/static/logo.svg", Favicon: "/static/icon.svg", Theme: "automatic",
		FooterLinks: []flowclient.FooterLink{{Name: "Imprint", Href: "https://example.com/imprint"}, {Name: "Example Ltd."}},
	}
}

// paint draws sample pictures: a logo, and a background that looks like a
// photograph.
func paint(w http.ResponseWriter, r *http.Request) {
	svg := logo
	if strings.Contains(r.URL.Path, "background") {
		svg = mountains
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = io.WriteString(w, svg)
}

const (
	logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 44"><rect width="44" height="44" rx="10" fill="#fd4b2d"/>` +
		`<path d="M12 26a10 10 0 0 1 20 0" fill="none" stroke="#fff" stroke-width="4"/>` +
		`<text x="56" y="31" font-family="sans-serif" font-size="26" font-weight="700" fill="#fd4b2d">example</text></svg>`
	mountains = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1600 1000" preserveAspectRatio="xMidYMid slice">` +
		`<defs><linearGradient id="a" x2="0" y2="1"><stop stop-color="#f6a56b"/><stop offset=".5" stop-color="#c05a7a"/>` +
		`<stop offset="1" stop-color="#2b2a5c"/></linearGradient></defs><rect width="1600" height="1000" fill="url(#a)"/>` +
		`<path d="M0 800 L400 520 700 760 1050 430 1600 820V1000H0z" fill="#1d1b45"/>` +
		`<path d="M0 900 L500 700 900 880 1300 660 1600 860V1000H0z" fill="#12112e"/></svg>`
)
