package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// The addresses between which a sign-in goes.
const (
	request  = "/.authentik/sign-in?request="
	callback = "/.authentik/callback?"
)

// atAuthentik is a guest who is signed in at authentik, and nowhere else.
func (d *domains) atAuthentik(name, password string) *guest {
	d.Helper()
	g := d.guest()
	g.finish(g.open(authHost+"/if/flow/login/"), name, password)
	return g
}

// signedInAs returns the user that the application takes a browser for. It is
// empty if the browser is redirected.
func (g *guest) signedInAs(origin string) string {
	g.Helper()
	res := g.raw(origin + "/who")
	body, err := io.ReadAll(res.Body)
	if err != nil {
		g.Fatal(err)
	}
	name, found := strings.CutPrefix(string(body), "<h1>hello ")
	if res.StatusCode != http.StatusOK || !found {
		return ""
	}
	return strings.TrimSuffix(name, "</h1>")
}

// isSignedOut fails the test if a browser is signed in at a site.
func (g *guest) isSignedOut(origin string) {
	g.Helper()
	if got := g.signedInAs(origin); got != "" {
		g.Errorf("got signed in as %s at %s, want no session", got, origin)
	}
}

// Each attack on the way between a site and its login host, by people who can
// send links, plant cookies below a common domain, or read logs.
func TestLoginHost_AttacksFail(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(*domains){
		"a ticket is used twice": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			ticket := jane.led(wikiHost+"/", callback)
			jane.before = "/.authentik/login?signed-in"
			if got := jane.open(ticket).URL.Path; got != "/.authentik/login" {
				d.Fatalf("got to %s with a good ticket, want to arrive", got)
			}
			again := jane.raw(ticket)
			if got := strings.Join(again.Header["Set-Cookie"], "; "); strings.Contains(got, "authentik_gate") {
				d.Errorf("got a second session with one ticket: %s", got)
			}
		},
		"a ticket is stolen": func(d *domains) {
			jane, thief := d.atAuthentik("jane", "open sesame"), d.guest()
			ticket := jane.led(wikiHost+"/a", callback)
			thief.led(wikiHost+"/", request) // for their own cookie
			thief.asked(thief.open(ticket))
			thief.isSignedOut(wikiHost)
			jane.before = request // its first use has used it up
			if got := jane.open(ticket).URL; got.Host != "auth.example.com" {
				d.Errorf("got to %s with a ticket that a thief has shown, want to the login host again", got)
			}
			jane.before = ""
			jane.greeted(jane.open(ticket), wikiHost+"/a", "jane")
		},
		"a ticket is stolen from a browser without a cookie": func(d *domains) {
			jane, thief := d.atAuthentik("jane", "open sesame"), d.guest()
			thief.asked(thief.open(jane.led(wikiHost+"/a", callback)))
			thief.isSignedOut(wikiHost)
		},
		"a victim is signed in as the attacker": func(d *domains) {
			mallory, jane := d.atAuthentik("joe", "let me in"), d.guest()
			ticket := mallory.led(filesHost+"/trap", callback)
			jane.led(filesHost+"/", request)
			jane.asked(jane.open(ticket))
			jane.isSignedOut(filesHost)
		},
		"a victim brings the attacker's request": func(d *domains) {
			mallory, jane := d.guest(), d.atAuthentik("jane", "open sesame")
			link := mallory.led(wikiHost+"/", request)
			ticket := jane.led(link, callback)
			jane.open(ticket)
			mallory.open(ticket)
			mallory.isSignedOut(wikiHost)
		},
		"a ticket of one site is brought to another": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			wiki, files := jane.led(wikiHost+"/", callback), jane.led(filesHost+"/", callback)
			mixed, _ := url.Parse(files)
			of, _ := url.Parse(wiki)
			query := mixed.Query()
			query.Set("ticket", of.Query().Get("ticket"))
			mixed.RawQuery = query.Encode()
			if got := jane.raw(mixed.String()); strings.Contains(strings.Join(got.Header["Set-Cookie"], ""), "authentik_gate") {
				d.Errorf("got a session at the files with a ticket of the wiki: %s", got.Header["Set-Cookie"])
			}
		},
		"a ticket of one gate is brought to another on its host": func(d *domains) {
			joe := d.atAuthentik("joe", "let me in")
			ticket, _ := url.Parse(joe.led(filesHost+"/", callback))
			strict := d.gate(d.inner, filesHost, func(_ string, cfg *Config) { cfg.Application = "wiki" })
			query := ticket.Query()
			query.Set("gate", strict.member.Shared.Identity.ID)
			ticket.RawQuery = query.Encode()
			r := httptest.NewRequestWithContext(d.Context(), http.MethodGet, ticket.String(), nil)
			cookies, _ := joe.Cookies(filesHost)
			for name, value := range cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			w := httptest.NewRecorder()
			strict.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
			if got := strings.Join(w.Header()["Set-Cookie"], "; "); strings.Contains(got, "authentik_gate") {
				d.Errorf("got a session at a gate with another application: %s", got)
			}
		},
		"a ticket is old": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			ticket := jane.led(wikiHost+"/", callback)
			d.clock.move(31 * time.Second)
			if got := jane.raw(ticket); strings.Contains(strings.Join(got.Header["Set-Cookie"], ""), "authentik_gate") {
				d.Errorf("got a session with a ticket of 31 seconds: %s", got.Header["Set-Cookie"])
			}
		},
		"a request is old": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			link := jane.led(wikiHost+"/b", request)
			d.clock.move(121 * time.Second)
			got := jane.raw(link).Header.Get("Location")
			if !strings.HasPrefix(got, wikiHost+"/.authentik/callback?") || !strings.HasSuffix(got, "&ticket=&to=%2Fb") {
				d.Errorf("got to %q with a request of two minutes, want to the site without a ticket", got)
			}
			jane.greeted(jane.open(link), wikiHost+"/b", "jane")
		},
		"a visit at the login host is old": func(d *domains) {
			jane := d.guest()
			page := jane.open(wikiHost + "/b")
			d.clock.move(31 * time.Minute)
			d.renew()
			next := page.URL.Query().Get("next")
			if got := jane.raw(authHost + next).Header.Get("Location"); got != wikiHost+"/b" {
				d.Errorf("got to %q with a visit of 31 minutes, want to where it began", got)
			}
		},
		"a way back continues the name of the site": func(d *domains) {
			at := d.gates[wikiHost].member.SignIn.Host
			for _, back := range []string{"@evil.example.net/", ".evil.example.net/", ":1@evil.example.net/", "//evil.example.net/"} {
				sealed, err := at.SealRequest(host.Request{Gate: at.Gate.Name, Origin: wikiHost, Back: back})
				if err != nil {
					d.Fatal(err)
				}
				jane := d.guest()
				jane.open(wikiHost + "/") // registers the gate
				page := jane.open(authHost + request + sealed)
				jane.asked(page)
				d.clock.move(31 * time.Minute)
				d.renew()
				if got := jane.raw(authHost + page.URL.Query().Get("next")).Header.Get("Location"); got != wikiHost+"/" {
					d.Errorf("%q: got to %q, want to the site", back, got)
				}
			}
		},
		"a visit of one browser is brought by another": func(d *domains) {
			mallory, jane := d.guest(), d.atAuthentik("jane", "open sesame")
			next := mallory.open(wikiHost + "/v").URL.Query().Get("next")
			if got := jane.raw(authHost + next).Header.Get("Location"); got != wikiHost+"/v" {
				d.Errorf("got to %q with the visit of another browser, want to the site without a ticket", got)
			}
			jane.greeted(jane.open(authHost+next), wikiHost+"/v", "jane")
			mallory.isSignedOut(wikiHost)
			other := d.guest() // who is not signed in
			other.refused(other.open(authHost+next), "visit-lost")
		},
		"a request is invented": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			for text, want := range map[string]int{
				"": http.StatusBadRequest, "x": http.StatusBadRequest, "v.": http.StatusBadRequest, "v.x": http.StatusBadRequest,
				strings.Repeat("A", 4000): http.StatusBadGateway, // as if sealed with another key
			} {
				res := jane.raw(authHost + request + url.QueryEscape(text))
				if to := res.Header.Get("Location"); to != "" || res.StatusCode != want {
					d.Errorf("%.10q: got %d to %q, want %d", text, res.StatusCode, to, want)
				}
			}
		},
		"a gate has another key": func(d *domains) {
			other := d.other(func(cfg *Config) { cfg.Key = []byte(strings.Repeat("o", 32)) })
			if got := other.Header.Get("Location"); got != "" || other.StatusCode != http.StatusBadGateway {
				d.Errorf("got %d to %q, want no way to a login host with another key", other.StatusCode, got)
			}
			at := d.gates[wikiHost].member.SignIn.Host
			records := at.Records
			records.Key = seal.NewKey([]byte(strings.Repeat("o", 32)))
			sealed, err := records.SealRequest(host.Request{Gate: at.Gate.Name, Origin: wikiHost, Back: "/"})
			if err != nil {
				d.Fatal(err)
			}
			jane := d.atAuthentik("jane", "open sesame")
			jane.led(wikiHost+"/", request)
			jane.refused(jane.open(authHost+request+sealed), "login-host-unknown")
		},
		"a gate asks for a site of another": func(d *domains) {
			at := d.gates[wikiHost].member.SignIn.Host
			jane := d.atAuthentik("jane", "open sesame")
			jane.led(wikiHost+"/", request)
			for _, origin := range []string{filesHost, evilHost, "http://wiki.example.com", "https://wiki.example.com:9999", "https://wiki.example.com@evil.example.com"} {
				sealed, err := at.SealRequest(host.Request{Gate: at.Gate.Name, Origin: origin, Back: "/"})
				if err != nil {
					d.Fatal(err)
				}
				jane.refused(jane.open(authHost+request+sealed), "login-host-unknown")
			}
		},
		"a gate is registered no longer": func(d *domains) {
			jane := d.guest()
			page := jane.open(wikiHost + "/b")
			d.clock.move(181 * time.Second)
			jane.before = "example.com/b"
			if got := jane.finish(page, "jane", "open sesame").URL.String(); got != wikiHost+"/b" {
				d.Errorf("got to %q, want to where it began, without a ticket", got)
			}
			at := d.gates[wikiHost].member.SignIn.Host
			sealed, err := at.SealRequest(host.Request{Gate: at.Gate.Name, Origin: wikiHost, Back: "/"})
			if err != nil {
				d.Fatal(err)
			}
			jane.refused(jane.open(authHost+request+sealed), "login-host-unknown")
		},
		"a frame asks": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			link := jane.led(wikiHost+"/", request)
			for _, dest := range []string{"iframe", "embed", "object"} {
				r, _ := http.NewRequestWithContext(d.Context(), http.MethodGet, link, nil)
				cookies, _ := jane.Cookies(link)
				for name, value := range cookies {
					r.AddCookie(&http.Cookie{Name: name, Value: value})
				}
				r.Header.Set("Sec-Fetch-Mode", "navigate")
				r.Header.Set("Sec-Fetch-Dest", dest)
				res, err := d.transport.RoundTrip(r)
				if err != nil {
					d.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode < 400 || res.Header.Get("Location") != "" {
					d.Errorf("%s: got %d to %q, want a refusal", dest, res.StatusCode, res.Header.Get("Location"))
				}
			}
		},
		"a host is invented": func(d *domains) {
			for _, name := range []string{"wiki.example.com:9999", "evil.example.net", "wiki.example.com.evil.net", "x.wiki.example.com"} {
				got := d.guest().raw(wikiHost+"/.authentik/login", "Host", name)
				if got.StatusCode != http.StatusMisdirectedRequest || got.Header.Get("Location") != "" {
					d.Errorf("%s: got %d to %q, want 421", name, got.StatusCode, got.Header.Get("Location"))
				}
			}
			got := d.guest().raw(authHost+"/.authentik/sign-in?request=x", "Host", "auth.example.com:9999")
			if got.StatusCode != http.StatusMisdirectedRequest {
				d.Errorf("got %d at the login host on another port, want 421", got.StatusCode)
			}
		},
		"an address leads elsewhere": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
			for _, to := range []string{"https://evil.example.net/", "//evil.example.net", `/\evil.example.net`, "/.authentik/sign-in?request=\n", "//evil.example.net/.authentik/sign-in?request=x", "https://evil.example.net/.authentik/sign-in?request=x"} {
				for _, at := range []string{wikiHost + "/.authentik/callback?ticket=x&to=", authHost + "/.authentik/login?to="} {
					got := jane.raw(at + url.QueryEscape(to)).Header.Get("Location")
					if u, err := url.Parse(got); err != nil || u.Host != "" || strings.Contains(got, "evil") {
						d.Errorf("%q: got led to %q, want a path of this site", to, got)
					}
				}
			}
		},
		"a neighbour plants a session": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			mallory := d.atAuthentik("joe", "let me in")
			cookies, _ := mallory.Cookies(authHost)
			d.evil = func(w http.ResponseWriter, _ *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "authentik_session", Value: cookies["authentik_session"], Domain: "example.com", Path: "/", Secure: true})
			}
			jane.open(evilHost + "/")
			page := jane.open(filesHost + "/c")
			jane.refused(page, "several-sessions")
			next, err := page.Submit(d.Context(), nil, "Use another account")
			if err != nil {
				d.Fatal(err)
			}
			jane.greeted(jane.finish(next, "jane", "open sesame"), filesHost+"/c", "jane")
		},
		"a neighbour plants the gate's cookies": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			mallory := d.atAuthentik("joe", "let me in")
			mallory.open(filesHost + "/")
			cookies, _ := mallory.Cookies(authHost)
			d.evil = func(w http.ResponseWriter, _ *http.Request) {
				for _, name := range []string{"authentik_visit", "authentik_copy"} {
					for _, prefix := range []string{"", "__Host-", "__Secure-"} {
						http.SetCookie(w, &http.Cookie{Name: prefix + name, Value: cookies["__Host-"+name], Domain: "example.com", Path: "/", Secure: true})
					}
				}
			}
			jane.open(evilHost + "/")
			jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
			mallory.greeted(mallory.open(filesHost+"/"), filesHost+"/", "joe")
		},
		"another site signs out": func(d *domains) {
			jane := d.atAuthentik("jane", "open sesame")
			r, _ := http.NewRequestWithContext(d.Context(), http.MethodPost, authHost+"/.authentik/logout", nil)
			cookies, _ := jane.Cookies(authHost)
			for name, value := range cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: value})
			}
			r.Header.Set("Origin", evilHost)
			r.Header.Set("Sec-Fetch-Site", "same-site")
			res, err := d.transport.RoundTrip(r)
			if err != nil {
				d.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusForbidden {
				d.Errorf("got %d, want 403", res.StatusCode)
			}
			jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attack(newDomains(t, nil))
		})
	}
}

// A gate whose visitors sign in at a login host does not start without hosts that
// tickets can be sent to.
func TestLoginHost_NeedsNamesOfItsSites(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	site, _ := url.Parse(wikiHost)
	for name, tt := range map[string]struct {
		hosts []string
		site  *url.URL
		want  string
	}{
		"none":               {nil, nil, "any client can invent a host if the site has no names; write site"},
		"any":                {[]string{"wiki.example.com", "*"}, nil, `"*" stands for every host`},
		"any with a port":    {[]string{"*:8443"}, nil, `"*:8443" stands for every host`},
		"any of three parts": {[]string{"*.*.*"}, nil, `"*.*.*" stands for every host`},
		"names":              {[]string{"wiki.example.com", "*.other.org"}, nil, ""},
		"any, with site":     {[]string{"*"}, site, ""},
	} {
		cfg := d.running(wikiHost).cfg
		cfg.Hosts, cfg.Site = tt.hosts, tt.site
		err := Check(cfg)
		if (err != nil) != (tt.want != "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

// A site that serves any host, or all below a domain, sends browsers to the login host
// only from the hosts that its configuration names. No request is sealed for another
// one, and no ticket is sent there.
func TestLoginHost_SealsNoRequestForAHostThatIsNotNamed(t *testing.T) {
	t.Parallel()
	site, _ := url.Parse(wikiHost)
	for name, tt := range map[string]struct {
		hosts     []string
		site      *url.URL
		good, bad []string
	}{
		"a wildcard": {
			[]string{"*.example.com"},
			nil,
			[]string{"wiki.example.com", "x.example.com", "X.example.com:443"},
			[]string{"example.com", "a.b.example.com", "x.example.com:9999", "x.example.com.evil.net", "evil.example.net", "10.0.0.1"},
		},
		"any host, with site": {
			nil, site,
			[]string{"wiki.example.com"},
			[]string{"evil.example.net", "auth.example.com", "wiki.example.com.evil.net"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDomains(t, nil)
			jane := d.atAuthentik("jane", "open sesame")
			g := d.gate(d.inner, wikiHost, func(_ string, cfg *Config) { cfg.Hosts, cfg.Site = tt.hosts, tt.site })
			ask := func(host, path string) *http.Response {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, wikiHost+path, nil)
				r.Host = host
				r.Header.Set("Sec-Fetch-Mode", "navigate")
				w := httptest.NewRecorder()
				g.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
				return w.Result()
			}
			for _, path := range []string{"/.authentik/login", "/.authentik/callback?ticket=x"} {
				for _, host := range tt.good {
					if got := ask(host, path).Header.Get("Location"); !strings.HasPrefix(got, authHost+request) {
						t.Errorf("%s%s: got led to %q, want to the login host", host, path, got)
					}
				}
				for _, host := range tt.bad {
					got := ask(host, path)
					if tt.site != nil { // the ticket goes to the site, whatever the client says
						to := jane.raw(got.Header.Get("Location")).Header.Get("Location")
						if !strings.HasPrefix(to, wikiHost+callback) {
							t.Errorf("%s%s: got the ticket sent to %q, want to %s", host, path, to, wikiHost)
						}
						continue
					}
					if got.StatusCode != http.StatusMisdirectedRequest || got.Header.Get("Location") != "" || got.Header.Get("Set-Cookie") != "" {
						t.Errorf("%s%s: got status %d, Location %q and cookies %q, want 421 only", host, path, got.StatusCode, got.Header.Get("Location"), got.Header["Set-Cookie"])
					}
				}
			}
		})
	}
}
