package caddymodule

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	browserpkg "github.com/flowsidecar/caddy-authentik/internal/browser"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

// ask asks for a verdict as Traefik does.
func (s *site) ask(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+"/.authentik/forward", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Forwarded-Method": "GET", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.com", "X-Forwarded-Uri": path, "X-Forwarded-For": "203.0.113.7",
	} {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res
}

// TestForwardAuth_MatchersSeeTheDescribedRequest has what matchers read: the path,
// headers, addresses, hosts, placeholders. They do not see the request that asks.
func TestForwardAuth_MatchersSeeTheDescribedRequest(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	@tool {
		header X-Tool yes
		client_ip 203.0.113.0/24
		remote_ip 203.0.113.0/24
		host wiki.example.com
		protocol https
		method GET
	}
	@asks path /.authentik/forward
	@peer client_ip 127.0.0.0/8
	@expression expression {http.request.orig_uri.path} == '/expression' && {http.request.host} == 'wiki.example.com' && {http.request.scheme} == 'https'
	authentik AUTHENTIK {
		forward_auth {
			from 127.0.0.1 traefik
			site wiki.example.com
		}
		open /open/* @tool @asks @peer @expression
		on /open/admin/* {
			require group staff
		}
	}
}
`)
	for _, tt := range []struct {
		path, header string
		want         int
	}{
		{"/open/x", "", 200},
		{"/closed", "", 401},
		{"/open/admin/x", "", 401},
		{"/open/../closed", "", 401},
		{"/open/%2e%2e/closed", "", 401},
		{"/open/..%2fclosed", "", 401},
		{"/open/..%5cclosed", "", 401},
		{"/open/%252e%252e/closed", "", 401},
		{"/open/..;/closed", "", 401},
		{"/closed/..%2fopen/x", "", 401},
		{"//any.net/open/x", "", 401},
		{"/closed", "X-Tool", 200},
		{"/closed?X-Tool=yes", "", 401},
		{"/expression", "", 200},
	} {
		header := []string{"Accept", "application/json"}
		if tt.header != "" {
			header = append(header, tt.header, "yes")
		}
		if got := s.ask(t, tt.path, header...); got.StatusCode != tt.want {
			t.Errorf("%s %s: got status %d, want %d", tt.path, tt.header, got.StatusCode, tt.want)
		}
	}
	if got := s.ask(t, "/closed", "X-Tool", "yes", "X-Forwarded-For", "198.51.100.1", "Accept", "application/json"); got.StatusCode != 401 {
		t.Errorf("got status %d for a client elsewhere, want 401", got.StatusCode)
	}
}

// What another proxy describes is explained as what it asks about.
func TestExplain_OfWhatOtherProxiesDescribe(t *testing.T) {
	o := newTerminal(t, oneLine)
	if err := o.try("admin "+o.api, `SITE {
	authentik AUTHENTIK {
		forward_auth {
			from 127.0.0.1 traefik
			from 10.0.0.2 nginx
			site wiki.example.com application wiki
			site files.example.com application files
		}
		open /healthz
		on /admin/* {
			require group admins
		}
	}
}
`); err != nil {
		t.Fatal(err)
	}
	ask := []string{"http://" + o.address + "/.authentik/forward", "-H", "Accept: text/html"}
	traefik := func(path string) []string {
		return append(ask, "-H", "X-Forwarded-Method: GET", "-H", "X-Forwarded-Proto: https", "-H", "X-Forwarded-Host: wiki.example.com", "-H", "X-Forwarded-Uri: "+path, "-H", "X-Forwarded-For: 203.0.113.7")
	}
	if out, code, _ := o.explain(traefik("/")...); code != 4 || !strings.Contains(out, "has not started") {
		t.Errorf("before the first request: got %d: %s", code, out)
	}
	o.ask(t, "/")
	nginx := append(ask, "--client", "10.0.0.2", "-H", "X-Original-Method: GET", "-H", "X-Original-Url: https://files.example.com/x", "-H", "X-Forwarded-For: 203.0.113.7")
	for name, tt := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"page":    {traefik("/x"), 3, []string{"application wiki", "is led to the sign-in", "the other proxy is traefik", "Seen as: https://wiki.example.com/x, from 203.0.113.7", "on /admin/*: is not about the request"}},
		"rule":    {traefik("/admin/x"), 3, []string{"on /admin/*: require group admins: not known before the sign-in"}},
		"open":    {traefik("/healthz"), 0, []string{"passes without a session", "open /healthz matches"}},
		"nginx":   {nginx, 3, []string{"application files", "the other proxy is nginx", "gets 401 instead of 303", "Seen as: https://files.example.com/x"}},
		"nothing": {ask, 3, []string{"is refused: 400 bad-request", "X-Forwarded"}},
		"another": {append(traefik("/x"), "--client", "192.0.2.9"), 3, []string{"is refused: 404", "this peer is not listed in from: 192.0.2.9"}},
	} {
		out, code, err := o.explain(tt.args...)
		if err != nil || code != tt.code {
			t.Errorf("%s: got code %d, %v, want %d\n%s", name, code, err, tt.code, out)
		}
		for _, want := range tt.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: got no %q in\n%s", name, want, out)
			}
		}
	}
}

// TestForwardAuth_StartsOneGateForEachApplication also says that the first request
// makes the key for all of them.
func TestForwardAuth_StartsOneGateForEachApplication(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	authentik AUTHENTIK {
		forward_auth {
			from 127.0.0.1 traefik
			site wiki.example.com application wiki
			site a.example.com b.example.com application other
			site *.example.com
		}
	}
	respond "behind the gate"
}
`)
	for host, want := range map[string]int{"wiki.example.com": 303, "a.example.com": 303, "c.example.com": 303, "example.com": 421, "any.net": 421} {
		if got := s.ask(t, "/", "X-Forwarded-Host", host, "Accept", "text/html"); got.StatusCode != want || want == 303 && !strings.HasPrefix(got.Header.Get("Location"), "https://"+host+"/.authentik/login") {
			t.Errorf("%s: got status %d to %q, want %d", host, got.StatusCode, got.Header.Get("Location"), want)
		}
	}
	running, _ := gates.Running()
	if len(running) != 3 {
		t.Errorf("got %d gates, want one for each application, and one without", len(running))
	}
	b := s.browser()
	b.expect(b.get("/"), http.StatusNotFound, "not-found") // there is no application behind it
}

// TestForwardAuth_AnswersKeepTheirHeaders: the directive header must not change where
// a verdict leads.
func TestForwardAuth_AnswersKeepTheirHeaders(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	header Location https://any.net
	header >Location https://any.net
	header Cache-Control public
	authentik AUTHENTIK {
		forward_auth {
			from 127.0.0.1 traefik
			site wiki.example.com
		}
	}
}
`)
	got := s.ask(t, "/", "Accept", "text/html")
	if to := got.Header.Get("Location"); !strings.HasPrefix(to, "https://wiki.example.com/.authentik/login") || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got the headers %v, want those of the gate", got.Header)
	}
}

// TestForwardAuth_PlaceholdersAreTheDescribedRequests has a header that is made of
// the request, and nothing else that reads it.
func TestForwardAuth_PlaceholdersAreTheDescribedRequests(t *testing.T) {
	s := newSite(t)
	s.load(`SITE {
	authentik AUTHENTIK {
		forward_auth {
			from 127.0.0.1 traefik
			site wiki.example.com
		}
		headers {
			X-Asked "{http.auth.user.username} {http.request.method} {http.request.scheme}://{http.request.host}{http.request.orig_uri}"
		}
	}
}
`)
	cookie := s.signInBehind(t)
	got := s.ask(t, "/a/b?c=d", "Cookie", cookie)
	if want := "ada GET https://wiki.example.com/a/b?c=d"; got.StatusCode != 200 || got.Header.Get("X-Asked") != want {
		t.Errorf("got status %d and the header %q, want %q", got.StatusCode, got.Header.Get("X-Asked"), want)
	}
}

// signInBehind signs Ada in as the other proxy passes her requests on, and returns
// her cookies.
func (s *site) signInBehind(t *testing.T) string {
	t.Helper()
	ada := &testsite.Person{TB: t, Address: "https://wiki.example.com", Browser: browserpkg.New(passing{s})}
	page := ada.Open("/.authentik/login?to=/.authentik/session")
	page = ada.Enter(page, "uid_field", "ada")
	ada.Enter(page, "password", "secret")
	return ada.Cookies().Header()
}

// passing passes requests on.
type passing struct{ *site }

func (p passing) RoundTrip(r *http.Request) (*http.Response, error) {
	on := r.Clone(r.Context())
	on.Host, on.URL.Host, on.URL.Scheme = r.URL.Host, p.address, "http"
	on.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	on.Header.Set("X-Forwarded-For", "203.0.113.7")
	return http.DefaultTransport.RoundTrip(on)
}
