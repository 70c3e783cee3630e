package demo

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// named opens a browser for which every name leads to the demonstration, as names
// below localhost do.
func (r *running) named() *browser.Browser {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		if strings.Contains(to, ".localhost:") {
			to = r.gate
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}}
	r.Cleanup(transport.CloseIdleConnections)
	return browser.New(transport)
}

// atAuthentik signs in on authentik's own page, as its scripts do.
func (w *walk) atAuthentik(username string) {
	w.Helper()
	method, body := http.MethodGet, ""
	for range 6 {
		c := w.challenge(method, body)
		if c.Component == "xak-flow-redirect" {
			to, err := w.page.URL.Parse(c.To)
			if err != nil {
				w.Fatal(err)
			}
			w.open(to.String())
			return
		}
		answer := map[string]string{"component": c.Component, "uid_field": username, "password": commonPassword}
		text, _ := json.Marshal(answer)
		method, body = http.MethodPost, string(text)
	}
	w.Fatalf("got no end of the flow, want one, at %s", w.page.URL)
}

// challenge asks the executor, or answers it.
func (w *walk) challenge(method, body string) (c struct{ Component, To string }) {
	w.Helper()
	slug, ok := strings.CutPrefix(w.page.URL.Path, "/if/flow/")
	if !ok || !strings.HasPrefix(w.page.URL.Host, loginName+":") {
		w.Fatalf("got status %d at %s, want authentik's own sign-in:\n%s", w.page.Status, w.page.URL, w.page.Text())
	}
	cookies, err := w.browser.Cookies(w.page.URL.String())
	if err != nil {
		w.Fatal(err)
	}
	at := "/api/v3/flows/executor/" + slug + "?query=" + url.QueryEscape(w.page.URL.RawQuery)
	_, text, err := w.page.Fetch(w.Context(), method, at, body, "X-Authentik-Csrf", cookies["authentik_csrf"])
	if err != nil || json.Unmarshal([]byte(text), &c) != nil {
		w.Fatalf("got %v at the executor: %s", err, text)
	}
	return c
}

// is fails the test unless the page is that of an application.
func (w *walk) is(address, greeting string) {
	w.Helper()
	if got := w.page.URL.String(); got != address || w.page.Heading() != greeting {
		w.Fatalf("got status %d at %s, want %s with %q:\n%s", w.page.Status, got, address, greeting, w.page.Text())
	}
}

// TestDomains_KeepsWhatItPrints goes through what the demonstration says to try.
func TestDomains_KeepsWhatItPrints(t *testing.T) {
	r, _ := startedAs(t, demonstration{listen: "127.0.0.1:0", domains: true})
	at := addresses{gate: r.gate}
	wiki, files := at.named(wikiName)+"/", at.named(filesName)+"/"
	for text := range strings.Lines(r.out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSpace(text)); n > 100 {
			t.Errorf("got %d columns, want at most 100: %s", n, text)
		}
	}
	r.expect(r.out.String(), wiki[:len(wiki)-1]+"\n")

	w := &walk{running: r, browser: r.named()}
	w.open(wiki)
	w.atAuthentik("demo")
	w.is(wiki, "Hello, Demo User.")
	w.open(files)
	w.is(files, "Hello, Demo User.")
	w.press("Sign out")
	w.open(wiki)
	if !strings.HasPrefix(w.page.URL.Host, loginName) {
		t.Errorf("got %s after the sign-out at the other site, want a sign-in", w.page.URL)
	}

	w.atAuthentik(guest)
	w.is(wiki, "Hello, Guest User.")
	w.open(files)
	if w.page.Status != http.StatusForbidden {
		t.Errorf("got status %d at %s for the guest, want 403:\n%s", w.page.Status, w.page.URL, w.page.Text())
	}

	w = &walk{running: r, browser: r.named()}
	w.open(files)
	w.challenge(http.MethodGet, "") // authentik remembers where the flow leads
	w.open(at.named(loginName) + "/source/oauth/login/provider/")
	w.atAuthentik("") // which makes an account, and asks nothing
	w.is(files, "Hello, New Comer.")
}

func TestProvider_NeedsAnAddressToReturnTo(t *testing.T) {
	t.Parallel()
	address, err := serve(t.Context(), "127.0.0.1:0", elsewhere())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for query, want := range map[string]string{"": "", "redirect_uri=%3A": "", "redirect_uri=http%3A%2F%2Fauth.localhost%2Fback&state=s": "http://auth.localhost/back?code=demonstration&state=s"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+providerPath+"?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("%q: got a redirect to %q, want %q", query, got, want)
		}
	}
}
