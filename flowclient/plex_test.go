package flowclient

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

func TestRedeemPlex_RecordedRefusalsHaveDifferentErrors(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		seen := 0
		for _, e := range exchanges(t, "sources", release)["sources-buttons"] {
			_, slug, ok := strings.Cut(e.Path, "/plex/redeem_token/?slug=")
			if !ok {
				continue
			}
			seen++
			f := newFake(t, expecting(t, 0, e))
			step, err := f.client().RedeemPlex(t.Context(), Visitor{Cookies: carried(e.Cookie)}, sourcesFlow, SourcePlex{Slug: slug}, "nonsense")
			var ue *UnexpectedError
			ok = map[int]bool{
				http.StatusMethodNotAllowed: errors.Is(err, ErrSourceUnreachable) && !errors.Is(err, ErrUnreachable),
				http.StatusNotFound:         errors.Is(err, ErrSourceNotFound),
				http.StatusBadRequest:       errors.As(err, &ue) && errors.Is(err, errNoToken),
			}[e.Status]
			if !ok || step.Challenge != nil || f.seen(0).body != `{"plex_token":"nonsense"}` {
				t.Errorf("%s: %s: got %v after %s", release, e.Note, err, f.seen(0).body)
			}
		}
		if seen != 3 {
			t.Errorf("%s: got %d recordings, want 3", release, seen)
		}
	}
}

func TestRedeemPlex_ContinuesOrExplainsWhyNot(t *testing.T) {
	t.Parallel()
	f := newFake(t, speaking("fr", says(`{"component":"xak-flow-redirect","to":"/if/flow/enrol/?slug=st-plex"}`)), speaking("de", says(`{"component":"ak-stage-prompt","fields":[]}`)))
	step, err := f.client().RedeemPlex(t.Context(), holding("a", true), sourcesFlow, plexButton, "t")
	shows[Prompt](t, step, err)
	if step.Flow != (Flow{"enrol", "slug=st-plex"}) || step.Language != "de" || f.seen(0).method != http.MethodPost || f.seen(1).method != http.MethodGet {
		t.Errorf("got flow %v, language %q, want enrol, de", step.Flow, step.Language)
	}
	if pair := f.seen(0).header.Get(csrfHeader); len(pair) != 32 || pair != f.seen(0).cookies[csrfCookie] || f.seen(0).header.Get("Origin") != "https://auth.example.com" {
		t.Errorf("got CSRF header %q, want the cookie's 32 characters", pair)
	}
	roundTrip(t, step)
	for body, class := range map[string]RedirectClass{
		`{"component":"xak-flow-redirect","to":"/if/user/#/settings;page-sources"}`: RedirectFinished,
		`{"component":"xak-flow-redirect","to":"https://app.example.com/"}`:         RedirectExternal,
	} {
		step, err := newFake(t, says(body)).client().RedeemPlex(t.Context(), holding("a", false), sourcesFlow, plexButton, "t")
		if got := shows[Redirect](t, step, err); got.Class() != class || step.Flow != sourcesFlow {
			t.Errorf("%s: got %s in %v, want %s", body, got.Class(), step.Flow, class)
		}
	}
	for _, end := range []Component{ComponentAccessDenied, ComponentFlowError} {
		step, err := newFake(t, says(`{"component":"`+string(end)+`"}`)).client().RedeemPlex(t.Context(), holding("a", false), sourcesFlow, plexButton, "t")
		if err != nil || step.Challenge.Component() != end {
			t.Errorf("%s: got %v", end, err)
		}
	}
	step, err = newFake(t, speaking("de", says(`{"component":"xak-flow-shell","body":"<p>no</p>"}`))).client().RedeemPlex(t.Context(), holding("a", false), sourcesFlow, plexButton, "t")
	if got := shows[Shell](t, step, err); got.Body != "<p>no</p>" || step.Language != "de" {
		t.Errorf("got %q, language %q, want the page, de", got.Body, step.Language)
	}
}

func TestRedeemPlex_OtherAnswersAreErrors(t *testing.T) {
	t.Parallel()
	var ue *UnexpectedError
	for name, c := range map[string]struct {
		reply http.HandlerFunc
		is    error // nil for an UnexpectedError
	}{
		"no":               {fails(http.StatusForbidden, `{"detail": "Access denied."}`), ErrSourceDenied},
		"no, in German":    {fails(http.StatusForbidden, `{"detail": "Zugriff verweigert."}`), ErrSourceDenied},
		"a broken rule":    {fails(http.StatusForbidden, `{"detail": "CSRF Failed: CSRF token missing."}`), nil},
		"a proxy's no":     {unmarked(fails(http.StatusForbidden, `{"detail": "Access denied."}`)), nil},
		"a page's no":      {fails(http.StatusForbidden, "<html>"), nil},
		"another 405":      {fails(http.StatusMethodNotAllowed, `{"detail":"x"}`), nil},
		"a proxy's 405":    {unmarked(fails(http.StatusMethodNotAllowed, "")), nil},
		"a question":       {says(whichSecret), nil},
		"only flow_info":   {says(`{"flow_info":{}}`), nil},
		"no JSON":          {says("<html>"), nil},
		"a proxy's way on": {unmarked(says(theEnd)), nil},
		"a redirect":       {sends("/if/flow/other/"), nil},
		"an error":         {fails(http.StatusInternalServerError, ""), nil},
		"an outage":        {fails(http.StatusServiceUnavailable, ""), ErrUnreachable},
	} {
		f := newFake(t, c.reply)
		step, err := f.client().RedeemPlex(t.Context(), holding("a", false), sourcesFlow, plexButton, "t")
		if err == nil || step.Challenge != nil || step.Cookies[sessionCookie] == "" || f.count() != 1 {
			t.Errorf("%s: got %T, %v, %d requests, want an error after 1", name, step.Challenge, err, f.count())
		}
		if c.is != nil && !errors.Is(err, c.is) || c.is == nil && (!errors.As(err, &ue) || errors.Is(err, ErrSourceDenied) || errors.Is(err, ErrSourceUnreachable)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, slug := range []string{"", "..", "a/b", "a&b=c", "a b", "ä", "a\n"} {
		if _, err := newFake(t).client().RedeemPlex(t.Context(), Visitor{}, sourcesFlow, SourcePlex{Slug: slug}, "t"); !errors.Is(err, ErrSourceNotFound) {
			t.Errorf("slug %q: got %v", slug, err)
		}
	}
	if _, err := newFake(t).client().RedeemPlex(t.Context(), Visitor{}, sourcesFlow, plexButton, ""); !errors.Is(err, errNoToken) {
		t.Errorf("without a token: got %v", err)
	}
}

func TestRedeemPlex_TheTokenIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := newFake(t, fails(http.StatusInternalServerError, "geheim"))
	c := f.client(func(cfg *Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	step, err := c.RedeemPlex(t.Context(), holding("a", false), sourcesFlow, plexButton, "geheim")
	if err == nil || strings.Contains(err.Error()+log.String()+step.LogValue().String(), "geheim") || !strings.Contains(log.String(), "redeem_token") {
		t.Errorf("got error %v and log %s, want no secret in them", err, log.String())
	}
	if strings.Contains(f.seen(0).uri, "geheim") {
		t.Error("got the token in the address")
	}
}

func TestRedeemPlex_WorksWithTheStandIn(t *testing.T) {
	t.Parallel()
	for _, release := range bothReleases {
		c := offering(t, release, authentiktest.Source{
			Kind: authentiktest.SourcePlex, ClientID: "c",
			Redeem: func(token string) (authentiktest.Person, bool) {
				return authentiktest.Person{ID: "7", Username: "plexer"}, token == "good"
			},
		})
		button, v := chosen[SourcePlex](t, c)
		if _, err := c.RedeemPlex(t.Context(), v, sourcesFlow, button, "bad"); !errors.Is(err, ErrSourceDenied) {
			t.Errorf("%s: bad token: got %v, want ErrSourceDenied", release, err)
		}
		step, err := c.RedeemPlex(t.Context(), v, sourcesFlow, button, "good")
		if got := shows[Redirect](t, step, err); got.Class() != RedirectFinished || step.Lost {
			t.Errorf("%s: got %s at the end, lost %v, want finished", release, got.Class(), step.Lost)
		}
		v.Cookies = step.Cookies
		if u, err := c.User(t.Context(), v); err != nil || u.Username != "plexer" {
			t.Errorf("%s: got user %q, %v", release, u.Username, err)
		}
		v = signedIn(t, c, "jane", "p")
		step, err = c.RedeemPlex(t.Context(), v, sourcesFlow, button, "good")
		if got := shows[Redirect](t, step, err); got.Path != "/if/user/" {
			t.Errorf("%s: got a redirect to %s for a signed-in user, want /if/user/", release, got.To)
		}
	}
}

func TestRedeemPlex_AnUnreachablePlexIsNotAnUnreachableAuthentik(t *testing.T) {
	t.Parallel()
	for _, release := range bothReleases {
		c := offering(t, release, authentiktest.Source{Kind: authentiktest.SourcePlex, ClientID: "c"})
		button, v := chosen[SourcePlex](t, c)
		if _, err := c.RedeemPlex(t.Context(), v, sourcesFlow, button, "t"); !errors.Is(err, ErrSourceUnreachable) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v", release, err)
		}
	}
}
