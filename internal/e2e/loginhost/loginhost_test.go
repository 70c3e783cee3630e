package loginhost

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// deep is an address of an application that sign-ins lead back to.
const deep = "/deep?x=1&y=%2F"

// soon is how long the end of a session may take to be known on another domain.
// Two seconds are promised, and milliseconds are usual; the rest is for busy
// machines, and still shorter than the minutes until a recheck.
const soon = 10 * time.Second

// ended waits until the session of a window has ended, and fails the test if that
// takes longer than soon.
func ended(w *chromium.Window) {
	w.Helper()
	begun := time.Now()
	testsite.Eventually(w, "the end of the session at "+w.Address, func() bool { return status(w, "/still") == http.StatusUnauthorized })
	took := time.Since(begun)
	w.Logf("the session has ended at %s after %v", w.Address, took.Round(time.Millisecond))
	if took > soon {
		w.Errorf("got the end of the session at %s after %v, want it within %v", w.Address, took, soon)
	}
}

// TestDomains_OneSignInAndOneSignOut: on two domains.
func TestDomains_OneSignInAndOneSignOut(t *testing.T) {
	t.Parallel()
	s := start(t, authentiktest.Config{})
	w := s.open(t, "wiki")
	w.Open(deep)
	s.asked(w)
	if len(s.App.Requests()) > 0 {
		t.Fatal("got a request at the application before the sign-in")
	}
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	files := s.tab(w, "files")
	files.Open(deep)
	files.Landed(deep)

	w.SignOut()
	ended(files)
	for _, window := range []*chromium.Window{w, files} {
		window.Open("/again")
		s.asked(window)
		window.CheckQuiet(s.at("auth"), "401")
	}
}

// TestStepUp_SecondFactorIsShownAtAuthentik: one domain demands it, and the other does
// not.
func TestStepUp_SecondFactorIsShownAtAuthentik(t *testing.T) {
	t.Parallel()
	s := startDemanding(t, "wiki")
	testsite.AddCode(s.StandIn)
	files := s.open(t, "files")
	files.Open(deep)
	s.asked(files)
	files.CredentialsAtAuthentik()
	files.Landed(deep)

	w := s.tab(files, "wiki")
	w.Open(deep)
	s.asked(w)
	if got, want := w.URL(), s.at("auth")+"/if/flow/second/"; !strings.HasPrefix(got, want) {
		t.Fatalf("got the browser at %s, want it at %s…", got, want)
	}
	if got := len(s.App.Requests()); got != 1 {
		t.Errorf("got %d requests at the applications, want one, of the domain that demands nothing", got)
	}
	w.CredentialsAtAuthentik()
	w.Enter("#ak-code", testsite.Code)
	w.Landed(deep)
	w.Open("/again")
	w.Landed("/again")
	files.Open("/again")
	files.Landed("/again")
	for _, window := range []*chromium.Window{w, files} {
		window.CheckQuiet(s.at("auth"))
	}
	w.SignOut()
	ended(files)
}

// TestPasskey_OfAuthentiksHostSignsInEverywhere: it belongs to authentik's host,
// where it is used.
func TestPasskey_OfAuthentiksHostSignsInEverywhere(t *testing.T) {
	t.Parallel()
	s := start(t, testsite.WithKeys(nil))
	w := s.open(t, "wiki")
	key := w.AddAuthenticator()
	w.Open(deep)
	s.asked(w)
	w.CredentialsAtAuthentik()
	w.Click(`button[name="webauthn"]`)
	w.Landed(deep)
	if made := key.Passkeys(); len(made) != 1 || made[0].RpID != "auth.localhost" {
		t.Fatalf("got passkeys %+v, want one of authentik's host", made)
	}
	w.SignOut()

	w.Address = s.at("files") // by the passkey only
	w.Open(deep)
	s.asked(w)
	w.Click(`a[href*="/if/flow/passwordless/"]`)
	w.Click(`button[name="webauthn"]`)
	w.Landed(deep)
	w.Address = s.at("photos")
	w.Open(deep)
	w.Landed(deep)
	w.SignOut()

	// A page on another host cannot use it, and leads to where it can be used.
	w.Address = s.at(desk)
	w.Open(deep)
	w.Credentials()
	w.Await(`a[href*="at=authentik"]`)
	if got := w.Text("main"); !strings.Contains(got, "works only there") {
		t.Errorf("got a page that does not say where the passkey belongs:\n%s", got)
	}
	w.Click(`a[href*="at=authentik"]`)
	s.asked(w)
	w.Click(`a[href*="/if/flow/passwordless/"]`)
	w.Click(`button[name="webauthn"]`)
	w.Landed(deep)
}

// TestSource_UserOfAnotherProviderComesBack: without an authentik provider for
// any of the applications.
func TestSource_UserOfAnotherProviderComesBack(t *testing.T) {
	t.Parallel()
	source := testsite.GitHub(t)
	cfg := testsite.Flow(
		&authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{source}},
		&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{},
	)
	cfg.Sources = []authentiktest.Source{source}
	s := start(t, cfg)
	s.Users = append(s.Users, testsite.Kim)
	w := s.open(t, "wiki")
	w.Open(deep)
	s.asked(w)
	w.Click(`a[href="/source/oauth/login/github/"]`)
	w.Landed(deep)
	w.AwaitText("#headers", "kim@example.com")
}

// TestTabs_TenOnThreeDomainsEachLandWhereTheyWantedTo: as a browser restores them,
// all at once.
func TestTabs_TenOnThreeDomainsEachLandWhereTheyWantedTo(t *testing.T) {
	t.Parallel()
	s := start(t, authentiktest.Config{})
	first := s.open(t, "wiki")
	tabs, paths := []*chromium.Window{first}, []string{"/"}
	for i := 1; i < 10; i++ {
		tabs = append(tabs, s.tab(first, names[i%len(names)]))
		paths = append(paths, "/tab?n="+string(rune('0'+i)))
	}
	restore := func(from int) {
		for i := from; i < len(tabs); i++ {
			leave(tabs[i], tabs[i].Address+paths[i])
		}
	}

	// Without any cookie each tab asks, and an answer in each leads to its address.
	restore(0)
	for _, tab := range tabs {
		s.asked(tab)
	}
	for _, i := range []int{4, 2, 0} { // one of each domain
		tabs[i].CredentialsAtAuthentik()
		tabs[i].Landed(paths[i])
	}

	// authentik knows the user, but no application has a session, as after a restart
	// of the browser.
	for _, name := range names {
		forget(tabs[0], s.at(name))
	}
	restore(0)
	for i, tab := range tabs {
		tab.Landed(paths[i])
	}
}

// TestReplicas_OneSignInAndOneSignOut: with two Caddys that share Redis, of which
// each answers every other request.
func TestReplicas_OneSignInAndOneSignOut(t *testing.T) {
	t.Parallel()
	chromium.Find(t)
	r := setup("http", ":COMMON", authentiktest.Config{}, "site http://NAME.localhost:COMMON", "SHARED").OnRedis(t)
	s := world{r.Site}
	w := s.open(t, "wiki")
	w.Open(deep)
	s.asked(w)
	w.CredentialsAtAuthentik()
	w.Landed(deep)
	files := s.tab(w, "files")
	files.Open(deep)
	files.Landed(deep)
	for range 4 {
		if got := status(files, "/still"); got != http.StatusOK {
			t.Fatalf("got status %d of a session, want 200", got)
		}
	}
	w.SignOut()
	ended(files)
	for range 4 {
		if got := status(files, "/still"); got != http.StatusUnauthorized {
			t.Errorf("got status %d of a session that has ended, want 401", got)
		}
	}
	if got := r.Answers(); got[0] < 4 || got[1] < 4 {
		t.Errorf("got %v answers of the replicas, want at least 4 of each", got)
	}
}
