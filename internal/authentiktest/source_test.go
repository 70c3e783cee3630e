package authentiktest

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// arriving is an authentik with a source that brings one person, whom the
// source names in every way.
func arriving(t testing.TB, person Person, users ...User) (*Server, *client, string) {
	t.Helper()
	s := openIDSource("st-oauth", "St OAuth")
	s.Person = func(code string) (Person, error) {
		if code != "good" {
			return Person{}, errors.New("no such code")
		}
		return person, nil
	}
	srv, c := serve(t, Config{
		Users: users, Sources: []Source{s},
		Flows: []Flow{offering("sources", s), oneStep("in")},
	})
	c.do(http.MethodGet, executor("sources"), "")
	return srv, c, c.choose("st-oauth")
}

// choose chooses a source, without following, and returns the state that goes
// to the provider.
func (c *client) choose(slug string) string {
	c.t.Helper()
	still := *c.http
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base+"/source/oauth/login/"+slug+"/", http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := still.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	_ = res.Body.Close()
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		c.t.Fatal(err)
	}
	return to.Query().Get("state")
}

func (c *client) back(state string) {
	c.t.Helper()
	c.do(http.MethodGet, "/source/oauth/callback/st-oauth/?code=good&state="+state, "")
}

func TestSource_StateOfAnotherSessionIsRefused(t *testing.T) {
	t.Parallel()
	_, c, state := arriving(t, Person{ID: "7", Username: "ext"})
	other := browse(t, c.base)
	other.do(http.MethodGet, executor("sources"), "")
	other.choose("st-oauth")
	other.back(state)
	want(t, other.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "ak-stage-access-denied")
	want(t, other.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	none := browse(t, c.base)
	none.back("")
	want(t, none.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "ak-stage-access-denied")
	c.back(state)
	want(t, c.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "xak-flow-redirect")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
}

func TestSource_TakenNameIsNotEnrolled(t *testing.T) {
	t.Parallel()
	_, c, state := arriving(t, Person{ID: "7", Username: "st-taken"}, person("st-taken"))
	c.back(state)
	want(t, c.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "ak-stage-access-denied")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
}

func TestSource_LinkedUserIsSignedIn(t *testing.T) {
	t.Parallel()
	_, c, _ := arriving(t, Person{ID: "7", Username: "ext"}, person("st-linker"))
	c.login("in", "st-linker")
	c.back(c.choose("st-oauth"))
	other := browse(t, c.base)
	other.do(http.MethodGet, executor("sources"), "")
	other.back(other.choose("st-oauth"))
	want(t, other.do(http.MethodGet, executor("default-source-authentication"), ""), "component", "xak-flow-redirect")
	me, _ := other.do(http.MethodGet, usersMe, "")["user"].(object)
	want(t, me, "username", "st-linker")
}

func TestSource_FlowsNeedASource(t *testing.T) {
	t.Parallel()
	_, c := serve(t, Config{})
	for _, slug := range []string{"default-source-authentication", "default-source-enrollment"} {
		want(t, c.do(http.MethodGet, executor(slug), ""),
			"component", "ak-stage-access-denied", "error_message", "Flow does not apply to current user.")
	}
}

func TestSource_ViewsAreOfOneKind(t *testing.T) {
	t.Parallel()
	plex := openIDSource("plex", "Plex")
	plex.Kind = SourcePlex
	_, c := serve(t, Config{Sources: []Source{plex}})
	for _, path := range []string{
		"/source/oauth/login/plex/", "/source/oauth/callback/plex/", "/source/saml/plex/",
		"/source/kerberos/plex/", "/source/telegram/plex/start/",
	} {
		want(t, c.do(http.MethodGet, path, ""), "status", http.StatusNotFound)
	}
}

// plexed is an authentik with a source of Plex that knows one token.
func plexed(t testing.TB, release Release, redeem func(string) (Person, bool), users ...User) *client {
	t.Helper()
	s := openIDSource("st-plex", "St Plex")
	s.Kind, s.Redeem = SourcePlex, redeem
	_, c := serve(t, Config{Release: release, Users: users, Sources: []Source{s}, Flows: []Flow{offering("sources", s), oneStep("in")}})
	c.do(http.MethodGet, executor("sources"), "")
	return c
}

const plexRedeem = "/api/v3/sources/plex/redeem_token/?slug=st-plex"

func TestPlex_RedeemNamesTheUserOfAToken(t *testing.T) {
	t.Parallel()
	for _, release := range []Release{Release202510, Release202605} {
		redeem := func(token string) (Person, bool) {
			return Person{ID: "7", Username: "plexer"}, token == "good"
		}
		c := plexed(t, release, redeem)
		want(t, c.do(http.MethodPost, plexRedeem, `{"plex_token": "bad"}`), "status", http.StatusForbidden, "detail", "Access denied.")
		want(t, c.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "ak-stage-access-denied")
		want(t, c.do(http.MethodPost, plexRedeem, `{"plex_token": "good"}`),
			"status", http.StatusOK, "component", "xak-flow-redirect", "to", "/if/flow/default-source-enrollment/?slug=st-plex")
		want(t, c.do(http.MethodGet, executor("default-source-enrollment"), ""), "component", "xak-flow-redirect")
		me, _ := c.do(http.MethodGet, usersMe, "")["user"].(object)
		want(t, me, "username", "plexer")
	}
}

func TestPlex_LinksASignedInUser(t *testing.T) {
	t.Parallel()
	for _, release := range []Release{Release202510, Release202605} {
		c := plexed(t, release, func(string) (Person, bool) { return Person{ID: "7"}, true }, person("st-linker"))
		c.login("in", "st-linker")
		want(t, c.do(http.MethodPost, plexRedeem, `{"plex_token": "good"}`), "status", http.StatusForbidden)
		want(t, c.post(plexRedeem, `{"plex_token": "good"}`), "component", "xak-flow-redirect", "to", "/if/user/#/settings;page-sources")
	}
}

func TestPlex_WithoutEnrolmentIsAPageInAChallenge(t *testing.T) {
	t.Parallel()
	s := openIDSource("st-plex", "St Plex")
	s.Kind, s.EnrollmentFlow = SourcePlex, ""
	s.Redeem = func(string) (Person, bool) { return Person{ID: "7"}, true }
	_, c := serve(t, Config{Sources: []Source{s}})
	got := c.do(http.MethodPost, plexRedeem, `{"plex_token": "good"}`)
	want(t, got, "status", http.StatusOK, "component", "xak-flow-shell")
	if text, _ := got["body"].(string); !strings.Contains(text, "Source is not configured for enrollment.") {
		t.Errorf("got the page %s", text)
	}
}

func TestTelegram_HashCoversEveryField(t *testing.T) {
	t.Parallel()
	said := object{"id": 7, "auth_date": 1, "username": "tg", "component": "ak-source-telegram", "hash": "x"}
	before := telegramHash("token", said)
	changes := object{"id": 8, "auth_date": 2, "username": "other", "photo_url": "y"}
	for name, value := range changes {
		changed := maps.Clone(said)
		changed[name] = value
		if telegramHash("token", changed) == before {
			t.Errorf("got the same hash after a change of %s, want another", name)
		}
	}
	if telegramHash("other token", said) == before {
		t.Error("got the same hash with another token, want another")
	}
}

func TestReputation_CountsNamesAndAddressesAsConfigured(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Users: people("st-a", "st-b")})
	if err != nil {
		t.Fatal(err)
	}
	from := func(address string) *http.Request {
		r := request(t, "")
		r.Header.Set("X-Forwarded-For", address+", 10.0.0.1")
		return r
	}
	for range 3 {
		s.visit(from("192.0.2.1")).tried("st-a", "wrong")
	}
	s.visit(from("192.0.2.1")).tried("st-a", goodPassword) // earns a point back: -2
	for what, c := range map[string]struct {
		policy            Reputation
		username, address string
		fallen            bool
	}{
		"both":                {Reputation{Threshold: -2}, "st-a", "192.0.2.1", true},
		"not so low":          {Reputation{Threshold: -3}, "st-a", "192.0.2.1", false},
		"the name":            {Reputation{Threshold: -2}, "st-a", "192.0.2.2", true},
		"the address":         {Reputation{Threshold: -2}, "st-b", "192.0.2.1", true},
		"neither":             {Reputation{Threshold: -2}, "st-b", "192.0.2.2", false},
		"the name ignored":    {Reputation{Threshold: -2, IgnoreUsername: true}, "st-a", "192.0.2.2", false},
		"the address ignored": {Reputation{Threshold: -2, IgnoreAddress: true}, "st-b", "192.0.2.1", false},
	} {
		q := &PolicyRequest{User: User{Username: c.username}, HTTP: from(c.address)}
		if got := c.policy.passes(s, q); got != c.fallen {
			t.Errorf("%s: got the policy passed: %t", what, got)
		}
	}
}

func TestSession_BoundToAnAddressEndsAtAnotherOne(t *testing.T) {
	t.Parallel()
	bound := flowOf("in", askBoth(), &UserLoginStage{BindAddress: true, Duration: time.Hour})
	s, c := serve(t, Config{Users: people("st-net"), Flows: []Flow{bound}})
	c.login("in", "st-net")
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusOK)
	sessions := s.Sessions()
	page := c.do(http.MethodGet, usersMe, "", "X-Forwarded-For", "198.51.100.7")
	if text, _ := page["text"].(string); !strings.Contains(text, "<title>authentik</title>") {
		t.Errorf("got %v at another address", page)
	}
	want(t, c.do(http.MethodGet, usersMe, ""), "status", http.StatusForbidden)
	if s.Sessions() >= sessions {
		t.Error("got the session kept, want it deleted")
	}
}
