package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/decision"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A watched authentik remembers who has come with which question.
type watched struct {
	Authentik
	mu    sync.Mutex
	asked []flowclient.Visitor
	flows []flowclient.Flow
}

func (a *watched) Ask(ctx context.Context, v flowclient.Visitor, f flowclient.Flow) (flowclient.Step, error) {
	a.mu.Lock()
	a.asked, a.flows = append(a.asked, v), append(a.flows, f)
	a.mu.Unlock()
	return a.Authentik.Ask(ctx, v, f)
}

func (a *watched) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

// linked is an authentik with flows that links lead to.
func linked(t testing.TB) (*authentiktest.Server, string, *watched) {
	t.Helper()
	field := func(key, kind string) authentiktest.Field {
		return authentiktest.Field{Key: key, Label: key, Type: authentiktest.FieldType(kind)}
	}
	stages := func(all ...authentiktest.Stage) (bindings []authentiktest.Binding) {
		for _, s := range all {
			bindings = append(bindings, authentiktest.Binding{Stage: s})
		}
		return bindings
	}
	enrol := &authentiktest.PromptStage{Fields: []authentiktest.Field{field("username", "username"), field("password", "password")}}
	stand, err := authentiktest.New(authentiktest.Config{
		Users:  append(people(), authentiktest.User{Username: "admin", Superuser: true}),
		Tokens: map[string]string{"key": "admin"},
		Brands: []authentiktest.Brand{{Default: true, FlowRecovery: "recover"}},
		Flows: []authentiktest.Flow{
			loginFlow("login", stages(&authentiktest.EmailStage{})...), {
				Slug: "recover", Designation: authentiktest.DesignationRecovery, Bindings: stages(
					&authentiktest.PromptStage{Fields: []authentiktest.Field{field("password", "password")}},
					&authentiktest.UserWriteStage{Creation: authentiktest.CreateNever}, &authentiktest.UserLoginStage{},
				),
			}, {
				Slug: "enrol", Designation: authentiktest.DesignationEnrollment, Bindings: stages(
					&authentiktest.InvitationStage{}, enrol, &authentiktest.UserWriteStage{Active: true}, &authentiktest.UserLoginStage{},
				),
			}, {Slug: "nothing"},
		},
		Invitations: []authentiktest.Invitation{{Token: "488a9fc0-27c1-4397-99e7-e8300ec3b86f", SingleUse: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(stand)
	t.Cleanup(server.Close)
	return stand, server.URL, &watched{Authentik: newClient(t, server.URL)}
}

const invitation = "/if/flow/enrol/?itoken=488a9fc0-27c1-4397-99e7-e8300ec3b86f"

// linkSite is a gate that authentik knows by the site's own name.
func linkSite(t testing.TB, change func(*Config)) (*site, *watched) {
	t.Helper()
	stand, _, authentik := linked(t)
	s := newSite(t, func(c *Config) {
		c.Client, c.PageHost = authentik, true
		if change != nil {
			change(c)
		}
	})
	s.authentik = stand
	return s, authentik
}

// local is a link without the site it leads to.
func local(t testing.TB, s *site, link string) string {
	t.Helper()
	path, ours := strings.CutPrefix(link, s.URL)
	if !ours {
		t.Fatalf("got the link %s, want one on this site %s", link, s.URL)
	}
	return path
}

func TestLink_WorksInAnyBrowser(t *testing.T) {
	t.Parallel()
	s, authentik := linkSite(t, nil)
	waits := s.person(t).signIn("jane", "open sesame", "/deep")
	waits.says(t, `name="component" value="ak-stage-email"`)
	link := local(t, s, s.authentik.Mail()[0].Link)
	other := s.person(t)
	asked := other.open(link)
	asked.says(t, "Continue to confirm this email address.")
	before := authentik.count()
	if again := other.open(asked.path); again.status != http.StatusOK || authentik.count() != before+1 {
		t.Errorf("after a reload: got status %d and %d requests to authentik", again.status, authentik.count()-before)
	}
	done := other.send(other.open(link))
	if done.path != "/" || !strings.Contains(done.body, "hello jane") {
		t.Fatalf("got the link's flow ended at %s:\n%s", done.path, done.body)
	}
	if used := s.person(t).open(link); used.path == "/" || !strings.Contains(used.body, "it may have expired") {
		t.Errorf("used link: got the page at %s:\n%s", used.path, used.body)
	}
}

// A link that is opened in the browser that asked for it leads to where the sign-in
// was to lead; elsewhere that is not known.
func TestLink_LeadsToWhereTheSignInWasToLead(t *testing.T) {
	t.Parallel()
	for name, deep := range map[string]string{"short": "/deep?x=1", "long": longLink("deep", 9000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := linkSite(t, nil)
			p := s.person(t)
			p.signIn("jane", "open sesame", deep).says(t, `name="component" value="ak-stage-email"`)
			link := local(t, s, s.authentik.Mail()[0].Link)
			if done := p.send(p.open(link)); done.path != deep || !strings.Contains(done.body, "hello jane") {
				t.Errorf("got %d at %.80s, want the deep link", done.status, done.path)
			}
		})
	}
	s, _ := linkSite(t, nil)
	p := s.person(t)
	p.signIn("jane", "open sesame", "/deep")
	if done := p.open(invitation); strings.Contains(done.body, "deep") {
		t.Errorf("got a deep link for an invitation, want none:\n%s", done.body)
	}
}

func TestLink_BeginsInItsOwnSessionAtAuthentik(t *testing.T) {
	t.Parallel()
	s, authentik := linkSite(t, nil)
	p := s.person(t)
	p.send(p.open("/"), "uid_field", "joe")
	p.open(invitation).says(t, "username")
	asked, flow := authentik.asked[authentik.count()-1], authentik.flows[authentik.count()-1]
	if _, pending := asked.Cookies["authentik_session"]; pending {
		t.Error("got the link opened in a session with a pending user, want a new session")
	}
	if want := (flowclient.Flow{Slug: "enrol", Query: "itoken=488a9fc0-27c1-4397-99e7-e8300ec3b86f"}); flow != want {
		t.Errorf("got a request for the flow %+v", flow)
	}
	if "https://"+asked.Host != s.URL || asked.Scheme != "https" {
		t.Errorf("got the host %s sent to authentik", asked.Host)
	}
}

func TestLink_OtherFlowThanTheDemandedAdmitsNoUser(t *testing.T) {
	t.Parallel()
	for flow, path := range map[string]string{"login": "/.authentik/login", "enrol": "/"} {
		s, _ := linkSite(t, func(c *Config) { c.Flow = flow })
		p := s.person(t)
		end := p.send(p.open(invitation), "field.username", "zoe", "field.password", "correct horse")
		if !strings.HasPrefix(end.path, path) || (s.reached() > 0) != (path == "/") {
			t.Errorf("gate that demands %s: got the enrolment ended at %s:\n%s", flow, end.path, end.body)
		}
		if path != "/" {
			end.says(t, "You can sign in now.")
		}
		if _, found := s.authentik.User("zoe"); !found {
			t.Error("got no user enrolled, want one")
		}
	}
}

func TestLink_TokenIsNotShownAfterwards(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	p := s.person(t)
	shown := p.open(invitation)
	if text := shown.path + shown.body; strings.Contains(text, "488a9fc0") || strings.Contains(text, "itoken") {
		t.Errorf("got the token on the page or in its address %s", shown.path)
	}
	// The link belongs to the browser that has opened it.
	if stolen := s.person(t).open(shown.path); stolen.status != http.StatusBadRequest {
		t.Errorf("another browser: got status %d", stolen.status)
	}
}

// adminLink is a link that authentik forgets as soon as its flow is asked for.
func adminLink(t testing.TB, authentik string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, authentik+"/api/v3/core/users/1/recovery/", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var made struct{ Link string }
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || made.Link == "" {
		t.Fatalf("want a link, got error %v", err)
	}
	return strings.TrimPrefix(made.Link, authentik)
}

func TestLink_MailScannersDoNotUseItUp(t *testing.T) {
	t.Parallel()
	_, address, authentik := linked(t)
	s := newSite(t, func(c *Config) { c.Client, c.PageHost = authentik, true })
	link := adminLink(t, address)
	scan := func(client *http.Client, method string) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+link, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if n := authentik.count(); n > 0 {
			t.Fatalf("got %d requests to authentik for a scanner's %s, which got status %d", n, method, res.StatusCode)
		}
	}
	p := s.person(t)
	scan(p.http, http.MethodHead)     // keeps cookies, as browsers do
	scan(s.Client(), http.MethodHead) // does not
	scan(s.Client(), http.MethodGet)
	p.open(link).says(t, `name="field.password"`)
}

func TestLink_SignedInUserGetsTheApplication(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.PageHost = true })
	p := s.person(t)
	p.signIn("jane", "open sesame", "/")
	if shown := p.open("/if/flow/login/?a=b"); shown.path != "/if/flow/login/?a=b" || shown.body != "hello jane" {
		t.Errorf("got %[2]s at %[1]s, want the application's page", shown.path, shown.body)
	}
}

func TestLink_ToAnUnknownFlowIsNotFound(t *testing.T) {
	t.Parallel()
	s, _ := linkSite(t, nil)
	if shown := s.person(t).open("/if/flow/absent/"); shown.status != http.StatusNotFound {
		t.Errorf("got status %d", shown.status)
	}
	s.person(t).open("/if/flow/nothing/?x=1").says(t, `name="uid_field"`) // a flow that ends at once leads to the sign-in
}

func TestLink_IsRecognizedByItsAddress(t *testing.T) {
	t.Parallel()
	_, _, client := newAuthentik(t)
	cfg := Config{Client: client, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), PageHost: true, Hosts: []string{"example.com"}}
	cfg.Open = func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/if/flow/open") }
	ours := newGate(t, cfg)
	cfg.PageHost = false
	theirs := newGate(t, cfg)
	for _, tt := range []struct {
		gate    *Gate
		address string
		slug    string
	}{
		{ours, "/if/flow/recover/?flow_token=x&next=%2F", "recover"},
		{ours, "/if/flow/A-b_9/", "A-b_9"},
		{ours, "/if/flow/recover/?bad=%zz", "recover"},
		{ours, "/if/flow/recover/?" + strings.Repeat("x", 4<<10), "recover"},
		{ours, "/if/flow/recover/?" + strings.Repeat("x", 4<<10+1), ""},
		{ours, "/if/flow/recover/?x=%00", ""},
		{ours, "/if/flow/recover/?x%0A=1", ""},
		{ours, "/if/flow/recover", ""},
		{ours, "/if/flow/", ""},
		{ours, "/if/flow//", ""},
		{ours, "/if/flow/a/b/", ""},
		{ours, "/if/flow/..%2f/", ""},
		{ours, "/if/flow/%61/", ""},
		{ours, "/IF/flow/recover/", ""},
		{ours, "/x/if/flow/recover/", ""},
		{theirs, "/if/flow/recover/?flow_token=x", ""},
	} {
		r := httptest.NewRequest(http.MethodGet, tt.address, nil)
		r.Header.Set("Accept", "text/html")
		at := somewhere(r.Host)
		at.Asked = r.URL
		led, ok := tt.gate.decisions.Decide(exchangeAt(tt.gate, r, at)).(decision.SignIn)
		if !ok || led.Link.Slug != tt.slug || tt.slug != "" && led.Link.Query != r.URL.RawQuery {
			t.Errorf("%.60s: got the link %+v", tt.address, led.Link)
		}
	}
}

func TestLink_IsIgnoredOnOpenPathsAndOtherRequests(t *testing.T) {
	t.Parallel()
	_, _, client := newAuthentik(t)
	g := newGate(t, Config{
		Client: client, Store: newStore(t), Key: []byte(strings.Repeat("k", seal.MinKey)), PageHost: true, Hosts: []string{"example.com"},
		Open: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/if/flow/open") },
	})
	for _, tt := range []struct{ method, path, mode, want string }{
		{"GET", "/if/flow/open/", "navigate", "open"},
		{"GET", "/if/flow/recover/", "cors", "refuse"},
		{"POST", "/if/flow/recover/", "navigate", "refuse"},
		{"GET", "/if/flow/recover/", "navigate", "sign-in"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		r.Header.Set("Sec-Fetch-Mode", tt.mode)
		at := somewhere(r.Host)
		at.Asked = &url.URL{Path: tt.path}
		if got := decision.Kind(g.decisions.Decide(exchangeAt(g, r, at))); got != tt.want {
			t.Errorf("%s %s (%s): decided %s, want %s", tt.method, tt.path, tt.mode, got, tt.want)
		}
	}
}
