package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// warm has somebody look at the page, so that whoever comes next is drawn a copy.
func (s *site) warm(t testing.TB) {
	t.Helper()
	if page := s.person(t).open("/.authentik/login"); page.status != http.StatusOK {
		t.Fatalf("status %d: %s", page.status, page.body)
	}
}

// stage puts a stage in the place of the first of a flow, or, with insert, before it.
func (s *site) stage(t testing.TB, first authentiktest.Stage, insert bool) {
	t.Helper()
	if !s.authentik.EditFlow("login", func(f *authentiktest.Flow) {
		rest := f.Bindings[1:]
		if insert {
			rest = f.Bindings
		}
		f.Bindings = append([]authentiktest.Binding{{Stage: first}}, rest...)
	}) {
		t.Fatal("there is no such flow")
	}
}

func names() *authentiktest.IdentificationStage {
	return &authentiktest.IdentificationStage{UserFields: []string{"username", "email"}}
}

func TestAThousandFirstVisitorsAskAuthentikOnce(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	still := time.Now() // however long a thousand take on a busy machine
	s := newSite(t, func(c *Config) { c.Now = func() time.Time { return clock.since(still) } })
	handler := s.gate.Wrap(http.HandlerFunc(s.application))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 20 {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example/.authentik/login", nil)
				if handler.ServeHTTP(w, r); !strings.Contains(w.Body.String(), "uid_field") {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	all.Wait()
	if n := s.authentik.Sessions(); n != 1 {
		t.Errorf("authentik has %d sessions", n)
	}
	if n := s.authentik.Requests(); n > 3 { // the flow, and the brand once or twice
		t.Errorf("authentik was asked %d times", n)
	}
	clock.move(copyLifetime)
	s.warm(t)
	if n := s.authentik.Sessions(); n != 2 {
		t.Errorf("after ten seconds authentik has %d sessions", n)
	}
}

func TestAVisitThatWasDrawnFromACopySignsIn(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"login", "both"} {
		s := newSite(t, func(c *Config) { c.Flow = flow })
		s.warm(t)
		p := s.person(t)
		page := p.open("/app?a=b")
		before := s.authentik.Sessions()
		if flow == "both" {
			page = p.send(page, "uid_field", "jane", "password", "wrong")
			page.says(t, "Failed to authenticate.")
			page.says(t, `value="jane"`)
			page = p.send(page, "uid_field", "jane", "password", "open sesame")
		} else {
			page = p.send(page, "uid_field", "jane")
			page = p.send(page, "password", "wrong")
			page.says(t, "Invalid password")
			page = p.send(page, "password", "open sesame")
		}
		if page.body != "hello jane" || page.path != "/app?a=b" || before != 1 || s.authentik.Sessions() != 2 {
			t.Errorf("%s: status %d at %s, %d sessions before and %d after: %s", flow, page.status, page.path, before, s.authentik.Sessions(), page.body)
		}
	}
}

func TestAProgramSignsInFromACopy(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.program(t).ask("/.authentik/login")
	p := s.program(t)
	asked := p.ask("/.authentik/login?to=/app")
	if n := s.authentik.Sessions(); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	next := p.answer(p.answer(asked, `{"uid_field":"jane"}`), `{"password":"open sesame"}`)
	if !next.Done || next.To != "/app" {
		t.Fatalf("status %d: %s", next.status, next.body)
	}
}

func TestARefusalIsHeardByTheOneAloneItIsFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.authentik.EditFlow("login", func(f *authentiktest.Flow) {
		f.Policies = []authentiktest.Policy{{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
			return !strings.Contains(r.HTTP.UserAgent(), "bad"), []string{"You are of bad repute."}, nil
		}}}
	})
	bad := func() screen {
		p := s.person(t)
		p.http.Transport = agent{p.http.Transport, "bad"}
		return p.open("/.authentik/login")
	}
	first := bad()
	first.says(t, "You are of bad repute.")
	page := s.person(t).open("/.authentik/login")
	page.says(t, "uid_field")
	page.lacks(t, "repute")
	// A copy is drawn for them too now, and their answer is refused.
	p := s.person(t)
	p.http.Transport = agent{p.http.Transport, "bad"}
	p.send(p.open("/.authentik/login"), "uid_field", "jane").says(t, "You are of bad repute.")
}

// An agent is a browser of another name.
type agent struct {
	http.RoundTripper
	name string
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.RoundTripper.RoundTrip(r)
}

// TestThoseWhoWaitForAnothersRefusalAskThemselves has many wait for one who is refused.
func TestThoseWhoWaitForAnothersRefusalAskThemselves(t *testing.T) {
	t.Parallel()
	c := newCopies(time.Now)
	flow := flowclient.Flow{Slug: "login"}
	denied := stepOf(t, flow, `{"component":"ak-stage-access-denied"}`)
	good := stepOf(t, flow, `{"component":"ak-stage-identification","user_fields":["username"]}`)
	begun, hold := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	first := func(context.Context) (flowclient.Step, error) { close(begun); <-hold; return denied, nil }
	all.Go(func() {
		step, _ := c.question(t.Context(), copyKey{}, flow, first)
		if step.Challenge.Component() != flowclient.ComponentAccessDenied {
			t.Error("the refusal was not told to whom it was for")
		}
	})
	<-begun
	for range 20 {
		all.Go(func() {
			step, err := c.question(t.Context(), copyKey{}, flow, func(context.Context) (flowclient.Step, error) { return good, nil })
			if err != nil || step.Challenge.Component() != flowclient.ComponentIdentification {
				t.Errorf("%v (%v)", step, err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond) // they wait, or have yet to come: either must do
	close(hold)
	all.Wait()
}

func stepOf(t testing.TB, flow flowclient.Flow, raw string) flowclient.Step {
	t.Helper()
	challenge, err := flowclient.Decode([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return flowclient.Step{Flow: flow, Challenge: challenge, Cookies: flowclient.Cookies{"authentik_session": "secret"}}
}

func TestWhatIsCopied(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	source := func(challenge string) string {
		return `{"component":"ak-stage-identification","sources":[{"name":"A","challenge":` + challenge + `}]}`
	}
	for raw, want := range map[string]bool{
		`{"component":"ak-stage-identification","user_fields":["username"]}`:                                   true,
		`{"component":"ak-stage-identification","passkey_challenge":null,"captcha_stage":null}`:                true,
		`{"component":"ak-stage-identification","passkey_challenge":{"challenge":"x"}}`:                        false,
		`{"component":"ak-stage-identification","captcha_stage":{"site_key":"x"}}`:                             false,
		`{"component":"ak-stage-identification","pending_user":"jane"}`:                                        false,
		`{"component":"ak-stage-identification","pending_user_identifier":"jane"}`:                             false,
		`{"component":"ak-stage-identification","response_errors":{}}`:                                         false,
		`{"component":"ak-stage-identification","nonce_of_tomorrow":"x"}`:                                      false,
		`{"component":"ak-stage-identification","primary_action":"` + strings.Repeat("x", maxCopyBytes) + `"}`: false,
		`{"component":"ak-stage-password"}`:                                                                    false,
		`{"component":"ak-stage-access-denied"}`:                                                               false,
		`{"component":"xak-flow-redirect","to":"/"}`:                                                           false,
		`{"component":"ak-stage-flow-error"}`:                                                                  false,
		source(`{"component":"ak-source-plex","client_id":"a","slug":"b"}`):                                    true,
		source(`{"component":"ak-source-oauth-apple","state":"x"}`):                                            false,
		source(`{"component":"ak-source-telegram"}`):                                                           false,
		source(`{"component":"xak-flow-redirect","to":"/source/oauth/login/a/"}`):                              true,
		source(`{"component":"xak-flow-redirect","to":"/source/oauth/login/a/?state=x"}`):                      false,
		source(`{"component":"xak-flow-redirect","to":"https://elsewhere.example/"}`):                          false,
		source(`{"component":"new"}`):                                                                          false,
	} {
		made, lifetime := copyOf(flow, placedStep(t, flow, raw), nil)
		if made.plain != want {
			t.Errorf("%.100s: copied is %v", raw, made.plain)
		}
		if met := lifetime > 0; met != strings.Contains(raw, "identification") {
			t.Errorf("%.100s: that it was met is kept: %v", raw, met)
		}
		if made.step.Cookies != nil {
			t.Errorf("%.100s: somebody's cookies are in the copy", raw)
		}
	}
	plain := stepOf(t, flow, `{"component":"ak-stage-identification"}`)
	lost := plain
	lost.Lost = true
	for name, step := range map[string]flowclient.Step{"lost": lost, "of another flow": stepOf(t, flowclient.Flow{Slug: "other"}, `{"component":"ak-stage-identification"}`)} {
		if made, lifetime := copyOf(flow, step, nil); made.plain || lifetime != 0 {
			t.Errorf("a step that is %s was copied", name)
		}
	}
	if made, lifetime := copyOf(flow, plain, errors.New("broken")); made.plain || lifetime != 0 {
		t.Error("a step that came with an error was copied")
	}
}

// placedStep is a step that has been kept and opened, so that its redirects know where authentik is.
func placedStep(t testing.TB, flow flowclient.Flow, raw string) flowclient.Step {
	t.Helper()
	step := stepOf(t, flow, raw)
	step.Root = "https://auth.example.com/"
	text, err := json.Marshal(step)
	if err != nil {
		t.Fatal(err)
	}
	var placed flowclient.Step
	if err := json.Unmarshal(text, &placed); err != nil {
		t.Fatal(err)
	}
	return placed
}

// TestFirstQuestionsOfEveryReleaseAreCopied holds the list of members to what real servers send.
func TestFirstQuestionsOfEveryReleaseAreCopied(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../flowclient/testdata/challenges/*/ak-stage-identification*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files (%v)", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"captcha_stage", "passkey_challenge", "pending_user", "pending_user_identifier", "response_errors", "sources"} {
			delete(members, name) // looked at one by one above
		}
		rest, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		step := stepOf(t, flowclient.Flow{}, string(rest))
		c, ok := step.Challenge.(flowclient.Identification)
		if !ok || !plain(c) {
			t.Errorf("%s has a member that is not known", file)
		}
	}
}

func TestLanguagesAndHostsAreNotMixed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.PageHost = true })
	ask := func(host, language string) {
		p := s.person(t)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/.authentik/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Accept-Language", language)
		p.do(r)
	}
	want := 0
	for _, host := range []string{"a.example", "b.example"} {
		for _, language := range []string{"de", "en"} {
			want++
			for range 3 {
				ask(host, language)
			}
		}
	}
	if n := s.authentik.Sessions(); n != want {
		t.Errorf("authentik has %d sessions, want one for each of %d", n, want)
	}
	for range 3 {
		ask("a.example", strings.Repeat("de,", 100)) // longer than what a copy is known by
		want++
	}
	if n := s.authentik.Sessions(); n != want {
		t.Errorf("authentik has %d sessions, want %d", n, want)
	}
}

func TestWhoHasADeviceIsAskedInPersonAndSetsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	p.post("/.authentik/logout", nil)
	if p.cookie("__Host-authentik_browser") == "" {
		t.Fatal("the browser is not remembered")
	}
	s.clock.move(copyLifetime)
	before := s.authentik.Sessions()
	p.open("/.authentik/login") // as the first, who leaves no copy
	s.warm(t)                   // who does
	p.open("/.authentik/login") // and is not drawn it
	if n := s.authentik.Sessions() - before; n != 3 {
		t.Errorf("authentik has %d sessions more", n)
	}
	s.warm(t)
	if n := s.authentik.Sessions() - before; n != 3 {
		t.Errorf("a copy was not drawn: %d sessions more", n)
	}
}

func TestACopyIsDrawnForTenSecondsAndNotWhenTheClockGoesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.warm(t)
	for i, move := range []time.Duration{copyLifetime - time.Second, 2 * time.Second, -time.Hour, 2 * time.Hour} {
		s.clock.move(move)
		s.warm(t)
		if n := s.authentik.Sessions(); n != 1+i {
			t.Fatalf("after moving the clock by %v authentik has %d sessions, want %d", move, n, 1+i)
		}
	}
}

func TestCopies_AreBounded(t *testing.T) {
	t.Parallel()
	clock := &clock{}
	c := newCopies(clock.now)
	flow := flowclient.Flow{Slug: "login"}
	step := stepOf(t, flow, `{"component":"ak-stage-identification"}`)
	ask := func(context.Context) (flowclient.Step, error) { return step, nil }
	for i := range 10 * maxCopies {
		if _, err := c.question(t.Context(), copyKey{language: fmt.Sprint(i)}, flow, ask); err != nil {
			t.Fatal(err)
		}
		if got := c.kept.Len(); got > maxCopies {
			t.Fatalf("copies: got %d, want at most %d", got, maxCopies)
		}
	}
	clock.move(copyLifetime)
	c.sweep()
	if got := c.kept.Len(); got != 0 {
		t.Errorf("old copies: got %d, want none", got)
	}
}

// TestCopies_FirstVisitorLeaves: the question that was asked in that visitor's
// name is a copy for the others.
func TestCopies_FirstVisitorLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCopies(time.Now)
		flow := flowclient.Flow{Slug: "login"}
		asked := 0
		ask := func(ctx context.Context) (flowclient.Step, error) {
			asked++
			time.Sleep(time.Second)
			return stepOf(t, flow, `{"component":"ak-stage-identification"}`), ctx.Err()
		}
		leaving, leave := context.WithCancel(t.Context())
		go func() {
			if _, err := c.question(leaving, copyKey{}, flow, ask); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: got %v, want %v", err, context.Canceled)
			}
		}()
		synctest.Wait()
		leave()
		step, err := c.question(t.Context(), copyKey{}, flow, ask)
		if err != nil || step.Challenge == nil || step.Cookies != nil || asked != 1 {
			t.Errorf("who stayed: got %v, %v after %d requests, want a copy after 1", step, err, asked)
		}
	})
}
