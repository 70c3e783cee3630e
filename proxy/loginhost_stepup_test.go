package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/authn/host"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// stepUpPage is where a second factor is asked for.
const stepUpPage = "/if/flow/second/"

// newDemanding is domains whose wiki demands something of a sign-in. Only jane has a
// second factor.
func newDemanding(t testing.TB, change func(origin string, cfg *Config), more ...authentiktest.Flow) *domains {
	t.Helper()
	second := loginFlow("second", authentiktest.Binding{Stage: &authentiktest.AuthenticatorValidateStage{
		DeviceClasses: []authentiktest.DeviceClass{authentiktest.DeviceStatic}, NotConfigured: authentiktest.NotConfiguredDeny,
	}})
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin == authHost {
			cfg.LoginHost.StepUp = "second"
		}
		change(origin, cfg)
	}, append(more, second)...)
	d.authentik.EditUser("jane", func(u *authentiktest.User) {
		u.Devices = []authentiktest.Device{{Class: authentiktest.DeviceStatic, Codes: []string{"one-two-three", "four-five-six", "seven-eight"}}}
	})
	return d
}

func demandsMFA(origin string, cfg *Config) { cfg.RequireMFA = origin == wikiHost }

func demandsRecent(origin string, cfg *Config) {
	if origin == wikiHost {
		cfg.MaxAge = 30 * time.Minute
	}
}

// later moves the clock, and has all gates known again.
func (d *domains) later(by time.Duration) {
	d.clock.move(by)
	d.renew()
}

// withCodes is a browser whose user has a second factor at hand.
func (d *domains) withCodes() *guest {
	g := d.guest()
	g.codes = []string{"one-two-three", "four-five-six", "seven-eight"}
	return g
}

// stands fails the test unless a page is one of authentik's at a path.
func (g *guest) stands(page *browser.Page, path string) {
	g.Helper()
	if page.Status != http.StatusOK || page.URL.Host != "auth.example.com" || page.URL.Path != path {
		g.Fatalf("got status %d at %s, want %s of authentik:\n%s", page.Status, page.URL, path, page.Text())
	}
}

// forget deletes the note of a sign-in.
func forget(t testing.TB, d *domains, records host.Records, sid string) {
	t.Helper()
	if err := d.store.Delete(t.Context(), records.Key.Own(seal.KindLoginSeen, authHost+"\x00"+sid).Name()); err != nil {
		t.Fatal(err)
	}
}

func TestStepUp_SecondFactorIsShownAtTheLoginHost(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(string, *Config){"authentik's interface": func(string, *Config) {}, "the gate's page": withPage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, func(origin string, cfg *Config) { demandsMFA(origin, cfg); more(origin, cfg) })
			jane := d.withCodes()
			page := jane.open(wikiHost + "/a")
			jane.stands(page, stepUpPage)
			jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/a", "jane")
			jane.greeted(jane.open(filesHost+"/"), filesHost+"/", "jane")
			session := func() string {
				cookies, _ := jane.Cookies(wikiHost)
				return cookies[cookieNames(d.gates[wikiHost]).Session]
			}
			before := session()
			d.later(11 * time.Minute) // a recheck says nothing about how the user has signed in
			jane.greeted(jane.open(wikiHost+"/b"), wikiHost+"/b", "jane")
			if got := session(); got != before || got == "" {
				t.Error("got another session after a recheck, want the same: the second factor still counts")
			}
		})
	}
}

func TestStepUp_SignedInVisitorShowsASecondFactor(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]func(string, *Config){"authentik's interface": func(string, *Config) {}, "the gate's page": withPage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, func(origin string, cfg *Config) { demandsMFA(origin, cfg); more(origin, cfg) })
			d.followed()
			jane := d.withCodes()
			if page := jane.open(filesHost + "/"); name == "the gate's page" {
				jane.greeted(jane.types(jane.types(page, "uid_field", "jane"), "password", "open sesame"), filesHost+"/", "jane")
			} else {
				jane.greeted(jane.finish(page, "jane", "open sesame"), filesHost+"/", "jane")
			}
			page := jane.open(wikiHost + "/a")
			jane.stands(page, stepUpPage)
			jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/a", "jane")
			jane.greeted(jane.open(filesHost+"/c"), filesHost+"/c", "jane")
			if len(d.reached(wikiHost)) != 1 {
				t.Errorf("got %d requests at the wiki, want 1: the one after the second factor", len(d.reached(wikiHost)))
			}
		})
	}
}

// TestStepUp_ComingBackProvesNothing opens the address that the flow leads to without
// the flow, and after another one.
func TestStepUp_ComingBackProvesNothing(t *testing.T) {
	t.Parallel()
	for name, walk := range map[string]func(*guest){
		"at once":            func(*guest) {},
		"after another flow": func(g *guest) { g.finish(g.open(authHost+"/if/flow/strong/"), "jane", "open sesame") },
		"after half of the flow": func(g *guest) {
			page := g.open(authHost + stepUpPage)
			g.challenge(page, map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
			g.challenge(page, map[string]any{"component": "ak-stage-password", "password": "open sesame"})
		},
	} {
		for kind, demands := range map[string]func(string, *Config){"mfa": demandsMFA, "max_age": demandsRecent} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				d := newDemanding(t, demands)
				d.followed()
				jane := d.guest()
				jane.signsIn(filesHost+"/", "jane", "open sesame")
				d.later(time.Hour)
				page := jane.open(wikiHost + "/a")
				next := page.URL.Query().Get("next")
				if next == "" {
					t.Fatalf("got %s, want a flow that leads back", page.URL)
				}
				walk(jane)
				jane.refused(jane.open(authHost+next), "step-up-refused")
				if reached := d.reached(wikiHost); len(reached) != 0 {
					t.Errorf("got %d requests at the wiki, want none", len(reached))
				}
			})
		}
	}
}

func TestStepUp_UserWithoutASecondFactorIsRefused(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, func(origin string, cfg *Config) {
		demandsMFA(origin, cfg)
		cfg.Application = ""
	})
	joe := d.guest()
	page := joe.open(wikiHost + "/a")
	joe.challenge(page, map[string]any{"component": "ak-stage-identification", "uid_field": "joe"})
	if c := joe.challenge(page, map[string]any{"component": "ak-stage-password", "password": "let me in"}); c["component"] != "ak-stage-access-denied" {
		t.Errorf("got %v, want authentik to deny", c["component"])
	}
	joe.stands(joe.open(wikiHost+"/a"), stepUpPage)
	if len(d.reached(wikiHost)) != 0 {
		t.Error("got joe at the wiki, want him refused")
	}
}

// TestStepUp_OldSignInIsRepeatedThere signs in an hour later.
func TestStepUp_OldSignInIsRepeatedThere(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, demandsRecent)
	d.followed()
	jane := d.guest()
	jane.signsIn(filesHost+"/", "jane", "open sesame")
	d.later(20 * time.Minute)
	jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane") // the login host has seen when that was
	d.later(20 * time.Minute)
	page := jane.open(wikiHost + "/b")
	jane.asked(page)
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/b", "jane")
	d.later(20 * time.Minute)
	jane.greeted(jane.open(wikiHost+"/c"), wikiHost+"/c", "jane")
	jane.greeted(jane.open(filesHost+"/d"), filesHost+"/d", "jane")
}

// A user who signs in again since a site demands a recent sign-in has still shown the
// second factor that another site demands. It is as old as before: a site that demands
// both asks for it.
func TestStepUp_SecondFactorOutlastsANewSignIn(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, func(origin string, cfg *Config) {
		switch origin {
		case wikiHost:
			cfg.MaxAge = 30 * time.Minute
			cfg.Rules = []Rule{{Match: below("/admin"), RequireMFA: true}}
		case filesHost:
			cfg.RequireMFA = true
		}
	})
	d.followed()
	jane := d.withCodes()
	page := jane.open(filesHost + "/")
	jane.stands(page, stepUpPage)
	jane.greeted(jane.finish(page, "jane", "open sesame"), filesHost+"/", "jane")
	jane.greeted(jane.open(wikiHost+"/admin"), wikiHost+"/admin", "jane")
	for range 2 { // also from one that goes on from it
		d.later(40 * time.Minute)
		page = jane.open(wikiHost + "/")
		jane.asked(page)
		jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/", "jane")
	}
	if _, err := d.gates[filesHost].Operator().EndOne(t.Context(), "jane", d.sessionAt("jane", "files.other.org")); err != nil {
		t.Fatal(err)
	}
	jane.greeted(jane.open(filesHost+"/a"), filesHost+"/a", "jane")
	page = jane.open(wikiHost + "/admin")
	jane.stands(page, stepUpPage)
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/admin", "jane")
}

// sessionAt returns the public name of a user's newest session at a site.
func (d *domains) sessionAt(name, site string) string {
	d.Helper()
	for _, one := range d.listed(name) {
		if one.Site == site {
			return one.ID
		}
	}
	d.Fatalf("got no session of %s at %s, want one", name, site)
	return ""
}

// A second factor goes on only from a session that is good at this moment, and of the
// same user: a cookie that says so is not enough, since it may have ended, and another
// person at that browser may know the password.
func TestStepUp_SecondFactorGoesOnlyOnFromALiveSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		flow   string
		before func(d *domains, records host.Records, sid string)
		want   bool
	}{
		"live":         {"login", func(*domains, host.Records, string) {}, true},
		"ended":        {"login", func(d *domains, _ host.Records, _ string) { d.authentik.EndSessions("jane") }, false},
		"another flow": {"strong", func(*domains, host.Records, string) {}, false},
		"the second factor of another user": {"login", func(d *domains, records host.Records, sid string) {
			forget(d, d, records, sid)
			if err := records.See(d.Context(), sid, host.Seen{UID: "another", Flow: "second"}); err != nil {
				d.Fatal(err)
			}
		}, false},
		"no second factor": {"login", func(d *domains, records host.Records, sid string) { forget(d, d, records, sid) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, demandsMFA)
			d.followed()
			jane := d.withCodes()
			jane.greeted(jane.finish(jane.open(wikiHost+"/"), "jane", "open sesame"), wikiHost+"/", "jane")
			login := d.gates[authHost].loginHost
			records := host.Records{Store: d.store, Key: login.Key, Now: d.clock.now, Origin: authHost}
			tt.before(d, records, jane.sid())
			anew, _ := d.atAuthentik("jane", "open sesame").Cookies(authHost)
			sid, _ := flowclient.Cookies(anew).Session()
			forget(t, d, records, sid)
			inner := d.front.Handler
			d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.URL.Path, "/flows/executor/") {
					inner.ServeHTTP(w, r)
					return
				}
				w.Header().Add("Set-Cookie", "authentik_session="+anew["authentik_session"]+"; Path=/")
				w.Header().Add("Set-Cookie", "authentik_csrf="+anew["authentik_csrf"]+"; Path=/")
			})
			jane.raw(authHost + "/api/v3/flows/executor/" + tt.flow + "/")
			var seen host.Seen
			testsite.Eventually(t, "a note of the sign-in", func() (found bool) {
				seen, found, _ = records.Seen(t.Context(), sid)
				return found
			})
			if got := seen.Factor.Flow == "second" && !seen.Factor.At.IsZero(); got != tt.want || seen.UID == "" {
				t.Errorf("got %v noted, want the second factor of before: %t", seen, tt.want)
			}
		})
	}
}

// TestStepUp_RenewedSessionIsNoSignIn renews authentik's session by a flow that this
// login host sends no visitor to, as a user who sets a password does.
func TestStepUp_RenewedSessionIsNoSignIn(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, demandsRecent)
	d.followed()
	jane := d.guest()
	jane.signsIn(filesHost+"/", "jane", "open sesame")
	d.later(time.Hour)
	jane.finish(jane.open(authHost+"/if/flow/strong/"), "jane", "open sesame")
	jane.asked(jane.open(wikiHost + "/"))
}

// TestStepUp_PasswordChangeIsNoSignIn sets a password, which renews authentik's
// session, with a cookie that does not say whose session it is: authentik gives one to
// a client whose request it refuses.
func TestStepUp_PasswordChangeIsNoSignIn(t *testing.T) {
	t.Parallel()
	const executor = "/api/v3/flows/executor/password/?query="
	d := newDemanding(t, demandsRecent, authentiktest.Flow{Slug: "password", Title: "Password", Bindings: []authentiktest.Binding{
		{Stage: &authentiktest.PromptStage{Fields: []authentiktest.Field{{Key: "password", Label: "Password", Type: authentiktest.FieldPassword}}}},
		{Stage: &authentiktest.UserWriteStage{}},
	}})
	d.followed()
	jane := d.guest()
	jane.signsIn(filesHost+"/", "jane", "open sesame")
	d.later(time.Hour)
	page := jane.open(authHost + "/if/flow/password/")
	jane.challenge(page, nil)
	jane.fetch(page, http.MethodPost, executor, "{}") // without authentik's token against forged requests
	before, _ := jane.Cookies(authHost)
	if flowclient.Cookies(before).Authenticated() {
		t.Fatal("got a cookie that says that jane is signed in, want one that does not")
	}
	jane.send(authHost+executor, `{"component": "ak-stage-prompt", "password": "another"}`)
	jane.fetch(page, http.MethodGet, executor, "")
	after, _ := jane.Cookies(authHost)
	was, _ := flowclient.Cookies(before).Session()
	if is, _ := flowclient.Cookies(after).Session(); is == was || !flowclient.Cookies(after).Authenticated() {
		t.Fatal("got jane's session with the same key, want a new one")
	}
	jane.asked(jane.open(wikiHost + "/"))
}

// fetch asks as a script of a page does.
func (g *guest) fetch(page *browser.Page, method, address, body string) {
	g.Helper()
	if status, text, err := page.Fetch(g.Context(), method, address, body); err != nil || status != http.StatusOK {
		g.Fatalf("got %d, %v at %s: %s", status, err, address, text)
	}
}

// send answers an executor, follows no redirect and keeps no cookie.
func (g *guest) send(address, answer string) {
	g.Helper()
	r, err := http.NewRequestWithContext(g.Context(), http.MethodPost, address, strings.NewReader(answer))
	if err != nil {
		g.Fatal(err)
	}
	cookies, _ := g.Cookies(address)
	for name, value := range cookies {
		r.Header.Add("Cookie", name+"="+value)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Origin": authHost, "X-Authentik-Csrf": cookies["authentik_csrf"]} {
		r.Header.Set(name, value)
	}
	res, err := g.transport.RoundTrip(r)
	if err != nil {
		g.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusFound {
		g.Fatalf("got status %d, want the next step of the flow", res.StatusCode)
	}
}

// A sign-in that is recent enough only for another second would be refused at the gate,
// by whose clock it is older.
func TestStepUp_SignInThatIsAboutToBeTooOldIsRepeated(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, demandsRecent)
	d.followed()
	jane := d.guest()
	jane.signsIn(filesHost+"/", "jane", "open sesame")
	d.later(30*time.Minute - time.Second)
	jane.asked(jane.open(wikiHost + "/"))
}

func TestStepUp_RuleDemandsItOfSomeRequests(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, func(origin string, cfg *Config) {
		if origin == wikiHost {
			cfg.Rules = []Rule{{Match: below("/admin"), RequireMFA: true}}
		}
	})
	d.followed()
	jane := d.withCodes()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	page := jane.open(wikiHost + "/admin")
	jane.stands(page, stepUpPage)
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/admin", "jane")
}

// What a rule demands is not lost if the gate has to ask the login host twice: no
// session begins, or goes on, that the rule then sends there once more.
func TestStepUp_SecondAttemptKeepsTheDemand(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*guest){
		"no session":                        func(*guest) {},
		"a session without a second factor": func(g *guest) { g.greeted(g.open(wikiHost+"/"), wikiHost+"/", "jane") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, func(origin string, cfg *Config) {
				if origin == wikiHost {
					cfg.Rules = []Rule{{Match: below("/admin"), RequireMFA: true}}
				}
			})
			d.followed()
			jane := d.withCodes()
			jane.signsIn(filesHost+"/", "jane", "open sesame")
			before(jane)
			link := jane.led(wikiHost+"/admin", request)
			d.later(3 * time.Minute)
			asked := map[string]int{}
			jane.watch = func(res *http.Response) { asked[res.Request.URL.Path]++ }
			page := jane.open(link)
			jane.stands(page, stepUpPage)
			if asked["/.authentik/sign-in"] != 2 || asked["/.authentik/callback"] != 1 || asked["/admin"] != 0 {
				t.Errorf("got the requests %v, want the login host asked twice, with the old request and with a new one, and nothing else on the way", asked)
			}
			jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/admin", "jane")
		})
	}
}

// A login host without a flow for a second factor is said at the start, and on a page.
func TestStepUp_LoginHostWithoutAFlowIsSaid(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, func(origin string, cfg *Config) {
		demandsMFA(origin, cfg)
		if origin == authHost {
			cfg.LoginHost.StepUp = ""
		}
	})
	jane := d.guest()
	jane.refused(jane.open(wikiHost+"/"), "step-up-refused")
	testsite.Eventually(t, "a line in the log about step_up", func() bool {
		return strings.Contains(d.logged(), "visitors cannot sign in") && strings.Contains(d.logged(), "write step_up <flow> at the login host")
	})
}

// Only an answer of a flow's executor counts that belongs to the session and the flow
// that the gate sees: a client must not have authentik read another cookie or path.
func TestStepUp_ForgedRequestsAreNoWitness(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, demandsMFA)
	d.followed()
	jane := d.guest()
	jane.signsIn(filesHost+"/", "jane", "open sesame")
	cookies, _ := jane.Cookies(authHost)
	value := cookies["authentik_session"]
	fresh := d.atAuthentik("jane", "open sesame") // a session that these requests claim to have begun
	anew, _ := fresh.Cookies(authHost)
	sid, _ := flowclient.Cookies(anew).Session()
	var got atomic.Pointer[string] // the cookies that authentik gets
	d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(new(strings.ToLower(strings.Join(r.Header["Cookie"], "; "))))
		w.Header().Add("Set-Cookie", "authentik_session="+anew["authentik_session"]+"; Path=/")
		w.Header().Add("Set-Cookie", "authentik_csrf="+anew["authentik_csrf"]+"; Path=/")
	})
	login := d.gates[authHost].loginHost
	records := host.Records{Store: d.store, Key: login.Key, Now: d.clock.now, Origin: authHost}
	forget(t, d, records, sid)
	at := authHost + "/api/v3/flows/executor/second/"
	for name, tt := range map[string]struct {
		at   string
		more []string
	}{
		"two cookies":              {at, []string{"Cookie", "authentik_session=x.y.z; authentik_session=" + value}},
		"two lines":                {at, []string{"Cookie", "authentik_session=" + value, "Cookie", "authentik_session=" + value}},
		"a quoted value":           {at, []string{"Cookie", `authentik_session="` + value + `"`}},
		"a value that is no token": {at, []string{"Cookie", "authentik_session=" + strings.ReplaceAll(value, ".", "-")}},
		"an Authorization header":  {at, []string{"Authorization", "Bearer x"}},
		"another path":             {authHost + "/api/v3/flows/executor/second/x/", nil},
		"an encoded path":          {authHost + "/api/v3/flows/executor/%73econd/", nil},
		"a doubled slash":          {authHost + "/api/v3/flows/executor//second/", nil},
		"dots":                     {authHost + "/api/v3/flows/executor/x/../second/", nil},
		"the flow's page":          {authHost + stepUpPage, nil},
	} {
		d.guest().raw(tt.at, tt.more...)
		if _, found, err := records.Seen(t.Context(), sid); found || err != nil {
			t.Errorf("%s: got a sign-in noted (%v), want none", name, err)
			forget(t, d, records, sid)
		}
	}
	for name, cookie := range map[string]string{
		"a blank after the name":  "authentik_session =" + value,
		"another blank":           "authentik_session\xa0=" + value,
		"other letters":           "Authentik_Session=" + value,
		"in a value":              "a=b,authentik_session=" + value,
		"in a value with a blank": "a=b authentik_session=" + value,
	} {
		if d.guest().raw(at, "Cookie", "b=c; "+cookie); strings.Contains(*got.Load(), "session") || !strings.Contains(*got.Load(), "b=c") {
			t.Errorf("%s: got the cookies %q at authentik, want only those that every server reads in the same way", name, *got.Load())
		}
	}
	testsite.Eventually(t, "a note of the sign-in", func() bool {
		_, found, _ := records.Seen(t.Context(), sid)
		return found
	})
	if seen, found, _ := records.Seen(t.Context(), sid); !found || seen.Flow != "second" {
		t.Errorf("got %v, %t without a forgery, want it noted", seen, found)
	}
}

// Cookies that another host below the same domain plants, with a name or a value like
// that of authentik's session, keep no visitor from what demands a second factor.
func TestStepUp_PlantedCookieLocksNoVisitorOut(t *testing.T) {
	t.Parallel()
	for name, planted := range map[string]string{
		"a longer name":              "xauthentik_session=x",
		"another spelling":           "AUTHENTIK_SESSION=x",
		"in a value":                 "theme=authentik_session",
		"in a value with a comma":    "theme=a,authentik_session=x",
		"the executor's own path":    "authentik_session=x; Path=/api/v3/flows/executor/second/",
		"a path above the executor":  "authentik_session=x; Path=/api/v3/",
		"a path above it, cut short": "authentik_session=x; Path=/api",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, demandsMFA)
			d.followed()
			d.lastCookieCounts()
			d.evil = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Set-Cookie", planted+"; Domain=example.com; Secure")
			}
			jane := d.withCodes()
			jane.open(evilHost + "/")
			page := jane.finish(jane.open(wikiHost+"/a"), "jane", "open sesame")
			for range 2 {
				if page.URL.Host != "auth.example.com" {
					break
				}
				if page.URL.Path == stepUpPage { // at the first sign-in it was not seen, and here it is not again
					page = jane.finish(page, "jane", "open sesame")
					continue
				}
				jane.refused(page, "step-up-refused")
				if got := strings.Count(d.logged(), "a sign-in was not seen"); got != 1 || !strings.Contains(d.logged(), "several cookies of the name authentik_session") {
					t.Errorf("got %d lines that say why, want one:\n%s", got, d.logged())
				}
				page = jane.finish(jane.open(wikiHost+"/a"), "jane", "open sesame")
			}
			jane.greeted(page, wikiHost+"/a", "jane")
		})
	}
}

// lastCookieCounts has authentik read the last of several cookies of one name, as
// Django does.
func (d *domains) lastCookieCounts() {
	inner := d.front.Handler
	d.front.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := map[string]*http.Cookie{}
		for _, c := range r.Cookies() {
			last[c.Name] = c
		}
		r.Header.Del("Cookie")
		for _, c := range last {
			r.AddCookie(c)
		}
		inner.ServeHTTP(w, r)
	})
}

// A sign-in that cannot be seen, since the browser sends a credential as well, is said
// in the log with its cause and remedy, and only if something is demanded.
func TestStepUp_SignInThatCannotBeSeenIsSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		demands func(string, *Config)
		want    bool
	}{"demanded": {demandsMFA, true}, "not demanded": {func(string, *Config) {}, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDemanding(t, tt.demands)
			d.followed()
			jane := d.withCodes()
			jane.credential = "Basic amFuZTpzZWNyZXQ="
			page := jane.finish(jane.open(wikiHost+"/a"), "jane", "open sesame")
			if !tt.want {
				jane.greeted(page, wikiHost+"/a", "jane")
			} else {
				jane.refused(jane.finish(page, "jane", "open sesame"), "step-up-refused")
			}
			line := "a sign-in was not seen"
			if got := strings.Count(d.logged(), line); got != 0 != tt.want || tt.want && !strings.Contains(d.logged(), "leave out other sign-ins there, such as basic_auth") {
				t.Errorf("got %d lines about it, want one: %t\n%s", got, tt.want, d.logged())
			}
		})
	}
}

// A gate looks itself at what a ticket shows.
func TestStepUp_TicketThatShowsTooLittleIsRefused(t *testing.T) {
	t.Parallel()
	d := newDemanding(t, demandsMFA)
	jane := d.withCodes()
	page := jane.open(wikiHost + "/a")
	link := jane.led(jane.ends(page, "jane", "open sesame"), "/.authentik/callback?")
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	at := d.gates[wikiHost].member.SignIn.Host
	place := host.Place{Gate: at.Gate.Name, Origin: wikiHost}
	shown, err := at.Redeem(t.Context(), place, u.Query().Get("ticket"), jane.nonce(wikiHost))
	if err != nil || !shown.SignIn.MFA {
		t.Fatalf("got %v, %v, want a ticket with a second factor", shown.SignIn, err)
	}
	shown.SignIn.MFA = false
	ticket, err := at.Issue(t.Context(), place, shown)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("ticket", ticket)
	u.RawQuery = query.Encode()
	jane.refused(jane.open(u.String()), "step-up-refused")
	if len(d.reached(wikiHost)) != 0 {
		t.Error("got a request at the wiki, want none")
	}
}

// ends goes through a flow, and returns where it leads.
func (g *guest) ends(page *browser.Page, name, password string) string {
	g.Helper()
	g.before = "/sign-in?request="
	defer func() { g.before = "" }()
	return g.finish(page, name, password).URL.String()
}

// nonce is what stands for a browser in the requests of a site.
func (g *guest) nonce(origin string) string {
	g.Helper()
	cookies, _ := g.Cookies(origin)
	for name, value := range cookies {
		if secret, ok := seal.ParseSecret(value); ok && strings.Contains(name, "visit") {
			return g.gates[origin].member.SignIn.Host.Nonce(secret)
		}
	}
	g.Fatal("got no cookie of a visit, want one")
	return ""
}

// A login host says which site has another version of the gate.
func TestLoginHost_GateOfAnotherFormatIsTold(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	link := jane.led(wikiHost+"/a", "/.authentik/sign-in?request=")
	at := d.gates[wikiHost].member.SignIn.Host.Gate
	box := at.Key.Own(seal.KindLoginGate, authHost+"\x00"+at.Name)
	older := at.Registration
	older.Until, older.Format = d.clock.now().Add(time.Minute), 0
	sealed, err := box.Seal(older)
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := d.store.Load(t.Context(), box.Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.store.Save(t.Context(), box.Name(), Record{Value: sealed, Expiry: older.Until, Version: before.Version}); err != nil {
		t.Fatal(err)
	}
	jane.refused(jane.open(link), "login-host-unknown")
	if !strings.Contains(d.logged(), "run different versions of the gate") || !strings.Contains(d.logged(), wikiHost) {
		t.Errorf("got nothing in the log about the versions and the site:\n%s", d.logged())
	}
}
