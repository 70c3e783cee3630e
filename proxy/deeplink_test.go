package proxy

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// longLink returns an address of n bytes that no compression makes shorter than
// three quarters.
func longLink(name string, n int) string {
	link := "/" + name + "?x="
	for i := 0; len(link) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, i))
		link += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return link[:n]
}

// deepLinks are of every size that an application may have.
var deepLinks = []int{20, 1024, 1025, 1500, 4700, 16 << 10}

func TestDeepLink_IsKeptOnThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, n := range deepLinks {
		link := longLink("deep", n)
		page := s.person(t).signIn("jane", "open sesame", link)
		if page.body != "hello jane" || page.path != link {
			t.Errorf("%d bytes: got %d at %.80s, want the link", n, page.status, page.path)
		}
	}
	page := s.person(t).signIn("jane", "open sesame", longLink("deep", 16<<10+1))
	if page.path != "/" {
		t.Errorf("more than 16 KB: got %.80s, want /", page.path)
	}
}

func TestDeepLink_IsKeptAtAuthentiksOwnPages(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	for _, n := range deepLinks {
		link := longLink("deep", n)
		p, a := s.person(t), &stranger{site: s}
		to := p.departs(link)
		if got := len(to.String()); got > 8000 {
			t.Errorf("%d bytes: got an address of %d bytes at authentik, want one that every server accepts", n, got)
		}
		page := p.open(a.authorize(t, to, "jane", "open sesame"))
		if page.body != "hello jane" || page.path != link {
			t.Errorf("%d bytes: got %d at %.80s, want the link", n, page.status, page.path)
		}
	}
}

func TestDeepLink_IsKeptByTheRelay(t *testing.T) {
	t.Parallel()
	relays(t, func(t *testing.T, s *site) {
		for _, n := range deepLinks {
			link := longLink("deep", n)
			p := &interfaced{person: s.person(t)}
			p.opens(link)
			p.asks(nil)
			p.asks(map[string]any{"component": "ak-stage-identification", "uid_field": "jane"})
			page := p.goes(p.asks(map[string]any{"component": "ak-stage-password", "password": "open sesame"}))
			if strings.HasPrefix(page.path, "/if/flow/") { // asks for consent
				p.at = page.path
				consent := p.asks(nil)
				page = p.goes(p.asks(map[string]any{"component": "ak-stage-consent", "token": consent["token"]}))
			}
			if page.body != "hello jane" || page.path != link {
				t.Errorf("%d bytes: got %d at %.80s, want the link", n, page.status, page.path)
			}
		}
	})
}

// Tabs that wait at authentik have a link each.
func TestDeepLink_OfEachOfTenTabsIsKept(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	p, a := s.person(t), &stranger{site: s}
	callbacks := make([]string, 10)
	for i := range callbacks {
		callbacks[i] = a.authorize(t, p.departs(longLink(fmt.Sprint("tab", i), 16<<10)), "jane", "open sesame")
	}
	for i, callback := range callbacks {
		want := longLink(fmt.Sprint("tab", i), 16<<10)
		if page := p.open(callback); page.body != "hello jane" || page.path != want {
			t.Errorf("tab %d: got %d at %.80s, want %.20s", i, page.status, page.path, want)
		}
	}
}

func TestDeepLink_StaysInTheDocumentsOfPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	link := longLink("deep", 16<<10)
	p := s.person(t)
	ask := func(method, path, body string) (answer struct {
		Visit, To string
		Done      bool
	},
	) {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
		got := p.do(r)
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
			t.Fatalf("got %d %.200s: %v", got.status, got.body, err)
		}
		return answer
	}
	step := ask("GET", "/.authentik/login?to="+link, "")
	step = ask("POST", "/.authentik/login", `{"visit": "`+step.Visit+`", "answer": {"uid_field": "jane"}}`)
	step = ask("POST", "/.authentik/login", `{"visit": "`+step.Visit+`", "answer": {"password": "open sesame"}}`)
	if !step.Done || step.To != link {
		t.Errorf("got done %v, %.80s, want the link", step.Done, step.To)
	}
}

// The cookies of a long link go to one address only, and open in no other
// browser and at no other address.
func TestDeepLink_CookiesBelongToOneAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	gate := s.gate.Wrap(http.HandlerFunc(s.application))
	lead := func(link string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+link, nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, r)
		return w.Result() //nolint:bodyclose // a recorder's
	}
	one, two := lead(longLink("one", 9000)), lead(longLink("two", 9000))
	at := one.Cookies()[0].Path
	for _, c := range one.Cookies() {
		if c.Path != at || !strings.HasPrefix(c.Path, "/.authentik/back/") || !c.HttpOnly || !c.Secure || c.MaxAge <= 0 || len(c.Value) > 4000 || !strings.HasPrefix(c.Name, "__Secure-") {
			t.Errorf("got the cookie %v, want one of %s", c, at)
		}
	}
	if got := lead(longLink("one", 9000)).Cookies()[0].Path; got != at {
		t.Errorf("got %s for the same link, want %s", got, at)
	}
	for name, tt := range map[string]struct {
		path    string
		cookies []*http.Cookie
		want    string
	}{
		"its own":           {at, one.Cookies(), longLink("one", 9000)},
		"none":              {at, nil, "/"},
		"those of another":  {at, two.Cookies(), "/"},
		"one is missing":    {at, one.Cookies()[1:], "/"},
		"at another's":      {two.Cookies()[0].Path, one.Cookies(), "/"},
		"at no address":     {"/.authentik/back/x", one.Cookies(), ""},
		"below the address": {at + "/x", one.Cookies(), ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+tt.path, nil)
		for _, c := range tt.cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != tt.want || (tt.want == "") != (w.Code == http.StatusNotFound) {
			t.Errorf("%s: got %d to %.80s, want %.80s", name, w.Code, got, tt.want)
		}
	}
}
