package flowclient

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

var (
	sourcesFlow = Flow{Slug: "st-sources", Query: "next=%2Fapp%2F"}
	plexButton  = SourcePlex{ClientID: "c", Slug: "st-plex"}
	oauthButton = Redirect{To: "/source/oauth/login/st-oauth/"}
)

// TestStartSource_FollowsTheRecordings has the client choose each source that was
// chosen in the recordings.
func TestStartSource_FollowsTheRecordings(t *testing.T) {
	t.Parallel()
	begun := map[string]int{}
	for _, release := range recordedReleases {
		for scenario, all := range exchanges(t, "sources", release) {
			for i, e := range all {
				if strings.HasPrefix(e.Path, "/source/") {
					begun[begin(t, fmt.Sprintf("%s/%s %d", release, scenario, i), all[i:])]++
				}
			}
		}
	}
	want := map[string]int{"external": 12, "flow": 8, "browser": 3, "not found": 3}
	if !maps.Equal(begun, want) {
		t.Errorf("got %v, want %v", begun, want)
	}
}

// begin chooses the source of the first exchange and returns the result in a word.
func begin(t *testing.T, at string, rest []recorded) string {
	t.Helper()
	e := rest[0]
	script := []http.HandlerFunc{expecting(t, 0, e)}
	if strings.HasPrefix(header(e, "location"), "/if/flow/") {
		script = append(script, expecting(t, 1, rest[1]))
	}
	f := newFake(t, script...)
	step, err := f.client().StartSource(t.Context(), Visitor{Cookies: carried(e.Cookie)}, sourcesFlow, Redirect{To: e.Path})
	if f.count() != len(script) || len(step.Cookies) == 0 && e.Cookie != "" {
		t.Errorf("%s: got %d requests, cookies %v", at, f.count(), step.Cookies)
	}
	switch {
	case errors.Is(err, ErrSourceNotFound):
		return "not found"
	case errors.Is(err, ErrBrowserNeeded):
		return "browser"
	case err != nil:
		t.Errorf("%s: got %v", at, err)
		return "error"
	}
	roundTrip(t, step)
	if len(script) == 2 {
		o, _ := readObject([]byte(rest[1].Body))
		if got := step.Challenge.Component(); string(got) != o.text("component") || step.Flow != (Flow{Slug: "default-source-pre-authentication"}) || step.Language != "en" {
			t.Errorf("%s: got %s in %v, language %q", at, got, step.Flow, step.Language)
		}
		return "flow"
	}
	rd := as[Redirect](t, step.Challenge)
	if rd.To != header(e, "location") || step.Flow != sourcesFlow || step.Lost {
		t.Errorf("%s: got a redirect to %s, flow %v, lost %v", at, rd.To, step.Flow, step.Lost)
	}
	return rd.Class().String()
}

func TestStartSource_OtherAddressesAreNotRequested(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"", "/", "/if/user/", "/source/", "/source/oauth/login/", "/source/oauth/login/a/b/", "/source/oauth/login/a", "/source/oauth/login/../../api/v3/",
		"/source/oauth/login/%2e%2e/", "/source/../application/o/authorize/", "/source/oauth/callback/a/?code=1&state=2", "/source/saml/a/acs/", "/source/saml/a/metadata/",
		"/source/telegram/a/", "https://evil.example.com/source/oauth/login/a/", "//evil.example.com/source/oauth/login/a/", "http://auth.example.com/source/oauth/login/a/",
		"/source/oauth/login/a/\r\nX: y", "javascript:alert(1)", "https://jane@auth.example.com/source/oauth/login/a/", `\source\oauth\login\a\`,
	} {
		// Path is the caller's claim. Only To counts.
		rd := Redirect{To: to, Path: "/source/oauth/login/a/"}
		if _, err := newFake(t).client().StartSource(t.Context(), Visitor{}, sourcesFlow, rd); !errors.Is(err, ErrSourceNotFound) {
			t.Errorf("%q: got %v", to, err)
		}
	}
	for _, to := range []string{"https://auth.example.com/source/saml/a/", "/source/telegram/a/start/"} {
		f := newFake(t, sends("https://idp.example.com/"))
		step, err := f.client().StartSource(t.Context(), Visitor{}, sourcesFlow, Redirect{To: to})
		shows[Redirect](t, step, err)
	}
}

func TestStartSource_OtherAnswersAreErrors(t *testing.T) {
	t.Parallel()
	var ue *UnexpectedError
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		is    error // nil for an UnexpectedError
	}{
		"a source":       {sends("/source/kerberos/k/?state=x"), ErrBrowserNeeded},
		"a negotiation":  {fails(http.StatusUnauthorized, ""), ErrBrowserNeeded},
		"no source":      {fails(http.StatusNotFound, "<html>"), ErrSourceNotFound},
		"a page":         {says("<html>permission denied</html>"), nil},
		"a challenge":    {says(whoAreYou), nil},
		"the library":    {sends("/if/user/"), nil},
		"an application": {sends("/application/o/authorize/?a=b"), nil},
		"the executor":   {sends(itself), nil},
		"a script":       {sends("javascript:alert(1)"), nil},
		"an app":         {sends("myapp://x"), nil},
		"nowhere":        {sends(""), nil},
		"an error":       {fails(http.StatusInternalServerError, ""), nil},
		"another kind of sending": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://idp.example.com/")
			w.WriteHeader(307)
		}, nil},
		"a proxy's redirect": {unmarked(sends("https://portal.example.com/")), nil},
		"a proxy's 404":      {unmarked(fails(http.StatusNotFound, "")), nil},
		"an outage":          {fails(http.StatusBadGateway, ""), ErrUnreachable},
	} {
		f := newFake(t, c.reply)
		step, err := f.client().StartSource(t.Context(), holding("a", false), sourcesFlow, oauthButton)
		if step.Challenge != nil || step.Cookies[sessionCookie] == "" || err == nil {
			t.Errorf("%s: got %T with cookies %v, %v, want an error", name, step.Challenge, step.Cookies, err)
		}
		if c.is != nil && !errors.Is(err, c.is) || c.is == nil && (!errors.As(err, &ue) || errors.Is(err, ErrSourceNotFound)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// An ended session is replaced by a new one, at sources as in flows.
func TestRestart_EndedSessionAtASource(t *testing.T) {
	t.Parallel()
	start := func(c *Client, v Visitor) (Step, error) {
		return c.StartSource(t.Context(), v, sourcesFlow, oauthButton)
	}
	redeem := func(c *Client, v Visitor) (Step, error) {
		return c.RedeemPlex(t.Context(), v, sourcesFlow, plexButton, "t")
	}
	for _, call := range []func(*Client, Visitor) (Step, error){start, redeem} {
		for _, end := range []http.HandlerFunc{fails(http.StatusBadRequest, ""), sends("/flows/-/default/authentication/?next=%2F")} {
			f := newFake(t, end, says(whoAreYou, session("b", false)))
			step, err := call(f.client(), holding("a", false))
			shows[Identification](t, step, err)
			if !step.Lost || step.Flow != sourcesFlow || f.seen(1).cookies[sessionCookie] != "" || f.seen(1).uri != sourcesFlow.path() {
				t.Errorf("got lost %v, flow %v, then %s, want a restart", step.Lost, step.Flow, f.seen(1).uri)
			}
		}
	}
	for name, call := range map[string]func(*Client) (Step, error){
		"start": func(c *Client) (Step, error) {
			return c.StartSource(t.Context(), Visitor{}, Flow{Slug: "a/b"}, oauthButton)
		},
		"redeem": func(c *Client) (Step, error) {
			return c.RedeemPlex(t.Context(), Visitor{}, Flow{Slug: "a/b"}, plexButton, "t")
		},
	} {
		if _, err := call(newFake(t).client()); !errors.Is(err, ErrFlowNotFound) {
			t.Errorf("%s with an invalid flow: got %v, want ErrFlowNotFound", name, err)
		}
	}
}

// offering returns a stand-in whose login offers one source.
func offering(t testing.TB, release authentiktest.Release, s authentiktest.Source) *Client {
	t.Helper()
	s.Slug, s.Name = "st", "St"
	s.AuthenticationFlow, s.EnrollmentFlow, s.PreAuthenticationFlow = "default-source-authentication", "default-source-enrollment", "default-source-pre-authentication"
	return standIn(t, authentiktest.Config{
		Release: release, Sources: []authentiktest.Source{s}, Users: []authentiktest.User{{Username: "jane", Password: "p"}},
		Flows: []authentiktest.Flow{{Slug: "st-sources", Bindings: []authentiktest.Binding{
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}, Sources: []authentiktest.Source{s}}}, {Stage: &authentiktest.UserLoginStage{}},
		}}},
	})
}

var bothReleases = []authentiktest.Release{authentiktest.Release202510, authentiktest.Release202605}

// chosen asks for the login and returns the source that it offers.
func chosen[T Challenge](t testing.TB, c *Client) (T, Visitor) {
	t.Helper()
	step, err := c.Ask(t.Context(), Visitor{}, sourcesFlow)
	got := shows[Identification](t, step, err)
	if len(got.Sources) != 1 {
		t.Fatalf("got %d sources, want 1", len(got.Sources))
	}
	return as[T](t, got.Sources[0].Challenge), Visitor{Cookies: step.Cookies}
}

func TestStartSource_OAuthLeadsToTheProvider(t *testing.T) {
	t.Parallel()
	for _, release := range bothReleases {
		c := offering(t, release, authentiktest.Source{Kind: authentiktest.SourceOAuth, ClientID: "c", URL: "https://idp.example.com/authorize"})
		button, v := chosen[Redirect](t, c)
		v.Host, v.Scheme = "app.example.net", "http"
		step, err := c.StartSource(t.Context(), v, sourcesFlow, button)
		got := shows[Redirect](t, step, err)
		// The provider sends the browser back to the host that the visitor is at.
		const back = "redirect_uri=http%3A%2F%2Fapp.example.net%2Fsource%2Foauth%2Fcallback%2Fst%2F"
		if got.Class() != RedirectExternal || !strings.HasPrefix(got.To, "https://idp.example.com/authorize?") || !strings.Contains(got.To, back) {
			t.Errorf("%s: got %s to %s, want the provider", release, got.Class(), got.To)
		}
		roundTrip(t, step)
	}
}

func TestStartSource_SAMLAsksFirst(t *testing.T) {
	t.Parallel()
	for _, release := range bothReleases {
		c := offering(t, release, authentiktest.Source{Kind: authentiktest.SourceSAMLPost, URL: "https://idp.example.com/sso"})
		button, v := chosen[Redirect](t, c)
		step, err := c.StartSource(t.Context(), v, sourcesFlow, button)
		asked := shows[Consent](t, step, err)
		v.Cookies = step.Cookies
		step, err = c.Answer(t.Context(), v, step.Flow, ConsentAnswer{asked.Token})
		if got := shows[Autosubmit](t, step, err); got.URL != "https://idp.example.com/sso" || step.Lost {
			t.Errorf("%s: got %s, lost %v, want the provider", release, got.URL, step.Lost)
		}
	}
}

func TestStartSource_KerberosNeedsABrowser(t *testing.T) {
	t.Parallel()
	c := offering(t, authentiktest.Release202605, authentiktest.Source{Kind: authentiktest.SourceKerberos})
	button, v := chosen[Redirect](t, c)
	if _, err := c.StartSource(t.Context(), v, sourcesFlow, button); !errors.Is(err, ErrBrowserNeeded) {
		t.Errorf("got %v", err)
	}
}

// telegramSays signs values as Telegram's widget does.
func telegramSays(token string, said map[string]any) map[string]any {
	lines := make([]string, 0, len(said))
	for _, k := range slices.Sorted(maps.Keys(said)) {
		lines = append(lines, fmt.Sprintf("%s=%v", k, said[k]))
	}
	key := sha256.Sum256([]byte(token))
	h := hmac.New(sha256.New, key[:])
	_, _ = h.Write([]byte(strings.Join(lines, "\n")))
	said["hash"] = hex.EncodeToString(h.Sum(nil))
	return said
}

func TestStartSource_TelegramHasAFlowOfItsOwn(t *testing.T) {
	t.Parallel()
	c := offering(t, authentiktest.Release202605, authentiktest.Source{Kind: authentiktest.SourceTelegram, Bot: "bot", BotToken: "1:x"})
	button, v := chosen[Redirect](t, c)
	step, err := c.StartSource(t.Context(), v, sourcesFlow, button)
	if got := shows[SourceTelegram](t, step, err); got.BotUsername != "bot" || step.Flow.Slug != "default-source-pre-authentication" {
		t.Errorf("got bot %s in %v", got.BotUsername, step.Flow)
	}
	v.Cookies = step.Cookies
	said := telegramSays("1:x", map[string]any{"id": 7, "username": "tele", "auth_date": time.Now().Unix()})
	step, err = c.Answer(t.Context(), v, step.Flow, rawOf(t, SourceTelegramAnswer{said}))
	if got := shows[Redirect](t, step, err); got.Class() != RedirectFinished {
		t.Errorf("got %s at the end, want finished", got.Class())
	}
	v.Cookies = step.Cookies
	if u, err := c.User(t.Context(), v); err != nil || u.Username != "tele" {
		t.Errorf("got user %q, %v", u.Username, err)
	}
}
