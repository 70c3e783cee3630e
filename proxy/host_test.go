package proxy

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// authentik compares redirect URIs letter by letter.
func TestHost_HasOneSpellingInAddresses(t *testing.T) {
	t.Parallel()
	s := newRedirectSite(t, nil)
	handler := s.gate.Wrap(http.NotFoundHandler())
	for _, host := range []string{"app.example.com", "APP.example.com", "app.example.com:443", "app.example.com.", "App.Example.Com.:443"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example.com/.authentik/login?to=/", nil)
		r.Host = host
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != http.StatusSeeOther {
			t.Fatalf("%s: got status %d, %v, want 303", host, w.Code, err)
		}
		if got, want := to.Query().Get("redirect_uri"), "https://app.example.com/.authentik/callback"; got != want {
			t.Errorf("%s: got the redirect URI %s, want %s", host, got, want)
		}
		if r.Host != host {
			t.Errorf("got the host %q in the request, want %q as it was sent", r.Host, host)
		}
	}
}

// The operator has to copy the address into authentik.
func TestLog_OfARejectedRedirectURINamesIt(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	s := newOIDCSite(t, func(reg *registration) {
		reg.provider.RedirectURIs = []string{"https://elsewhere.example.com/callback"}
		reg.gate = func(cfg *Config) { cfg.Logger = slog.New(slog.NewJSONHandler(&lines, nil)) }
	})
	s.person(t).open("/.authentik/login?to=/")
	for _, want := range []string{
		`"code":"redirect-uri-rejected"`, `"redirect_uri":"` + s.URL + `/.authentik/callback"`, `"site":"` + s.URL + `"`,
		`"application":"app"`, `"client_id":"gate"`, `"remedy":"add redirect_uri to the provider`,
	} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("got %s, want %s in it", lines.String(), want)
		}
	}
}
