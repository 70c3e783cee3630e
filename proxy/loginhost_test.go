package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// One sign-in at authentik's own page opens applications on two domains.
func TestLoginHost_OneSignInOpensTwoDomains(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	page := jane.open(wikiHost + "/deep/link?x=1&y=%2F")
	jane.asked(page)
	if got := d.reached(wikiHost); got != nil {
		t.Fatal("got a request at the application before the sign-in, want none")
	}
	jane.greeted(jane.finish(page, "jane", "open sesame"), wikiHost+"/deep/link?x=1&y=%2F", "jane")
	jane.greeted(jane.open(filesHost+"/f"), filesHost+"/f", "jane")
	for _, origin := range []string{wikiHost, filesHost} {
		for _, r := range d.reached(origin) {
			if c := r.Header.Get("Cookie"); c != "" {
				t.Errorf("%s: got cookies at the application, want none: %s", origin, c)
			}
		}
	}
	if strings.Contains(d.logged(), "ticket=") {
		t.Errorf("got a ticket in the log:\n%s", d.logged())
	}
}

// A user who is signed in at authentik enters without a question.
func TestLoginHost_KeepsSingleSignOn(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	if page := jane.finish(jane.open(authHost+"/if/flow/login/"), "jane", "open sesame"); page.Status != http.StatusOK {
		t.Fatalf("got status %d at %s", page.Status, page.URL)
	}
	jane.greeted(jane.open(wikiHost+"/"), wikiHost+"/", "jane")
}

// A script or a program is told where its user signs in, and that leads to the login
// host and back.
func TestLoginHost_ProgramsAreToldWhereToSignIn(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.atAuthentik("jane", "open sesame")
	for name, header := range map[string][]string{
		"a script":  {"Accept", "application/json", "Sec-Fetch-Mode", "cors"},
		"a program": {"Accept", "*/*"},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, wikiHost+"/api", nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := d.transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			LoginURL string `json:"login_url"`
		}
		err = json.NewDecoder(res.Body).Decode(&told)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized || err != nil || told.LoginURL == "" {
			t.Fatalf("%s: got status %d, login_url %q and error %v, want 401 with an address", name, res.StatusCode, told.LoginURL, err)
		}
		if got, want := res.Header.Get("WWW-Authenticate"), `authentik login_url="`+told.LoginURL+`"`; got != want {
			t.Errorf("%s: got WWW-Authenticate %q, want %q", name, got, want)
		}
		if strings.Contains(strings.Join(res.Header["Set-Cookie"], ""), "visit") {
			t.Errorf("%s: got the cookie of a visit, want none: %s", name, res.Header["Set-Cookie"])
		}
		jane.led(wikiHost+told.LoginURL+"?to=/told", request)
		jane.greeted(jane.open(wikiHost+told.LoginURL+"?to=/told"), wikiHost+"/told", "jane")
		jane.press(jane.open(wikiHost+"/.authentik/logout"), "Sign out")
		jane.finish(jane.open(authHost+"/if/flow/login/"), "jane", "open sesame")
	}
}

// authentik gets its cookies and headers as browsers send them, and no header
// of the gate says who is signed in.
func TestLoginHost_GuardsNothing(t *testing.T) {
	t.Parallel()
	d := newDomains(t, nil)
	jane := d.guest()
	jane.signsIn(wikiHost+"/", "jane", "open sesame")
	jane.raw(authHost+"/if/user/", "Remote-User", "mallory", "X-Authentik-Username", "mallory", "X-Authentik-Outpost-Token", "secret")
	all := d.reached(authHost)
	last := all[len(all)-1]
	if got := last.Header.Get("Remote-User") + last.Header.Get("X-Authentik-Username"); got != "" {
		t.Errorf("got identity headers at authentik: %s", got)
	}
	if last.Header.Get("X-Authentik-Outpost-Token") == "" {
		t.Error("got no header of an outpost at authentik, want it")
	}
	cookies := strings.Join(last.Header["Cookie"], "; ")
	if !strings.Contains(cookies, "authentik_session=") || strings.Contains(cookies, "__Host-") {
		t.Errorf("got the cookies %q at authentik, want its own only", cookies)
	}
}

// A gate that names a login host which does not exist says so at start.
func TestLoginHost_ThatIsMissingIsReportedAtStart(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin == authHost {
			cfg.LoginHost = nil
		}
	})
	testsite.Eventually(t, "a line about the login host in the log", func() bool {
		return strings.Contains(d.logged(), "login host: visitors cannot sign in") && strings.Contains(d.logged(), "login-host-unknown")
	})
}

// A login host behind a proxy that Caddy does not trust sees another address than
// browsers do, and says what to do.
func TestLoginHost_ThatIsSeenAtAnotherAddressSaysSo(t *testing.T) {
	t.Parallel()
	d := newDomains(t, func(origin string, cfg *Config) {
		if origin == authHost {
			cfg.Resolve = func(r *http.Request) Resolved {
				at := resolveConnection(r)
				at.Scheme = "http"
				return at
			}
		}
	})
	jane := d.guest()
	jane.refused(jane.open(wikiHost+"/"), "login-host-unknown")
	const want = "browsers have come to https://auth.example.com, and this server reads that as http://auth.example.com: list the proxy in front in trusted_proxies"
	if !strings.Contains(d.logged(), want) {
		t.Errorf("got no %q in the log:\n%s", want, d.logged())
	}
}
