package browser_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

func TestFetch_SendsJSONOfThePageAndKeepsCookies(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.HandleFunc("example.com/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<title>Page</title>") })
	s.HandleFunc("POST example.com/api", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "new", Path: "/"})
		w.Header().Set("Location", "/api/next")
		w.WriteHeader(http.StatusFound)
	})
	s.HandleFunc("GET example.com/api/next", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("session")
		_, _ = io.WriteString(w, `{"cookie": "`+c.Value+`"}`)
	})
	p := open(t, browser.New(transport{s}), "https://example.com/page?x=1")
	status, body, err := p.Fetch(t.Context(), http.MethodPost, "/api", `{"a": 1}`, "X-Token", "secret")
	if err != nil || status != http.StatusOK || body != `{"cookie": "new"}` {
		t.Fatalf("got %d %q, %v, want the answer after the redirect", status, body, err)
	}
	asked := s.asked[1]
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Accept": "application/json", "Origin": "https://example.com", "X-Token": "secret",
		"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-User": "", "Referer": "https://example.com/page?x=1",
	} {
		if got := asked.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if s.forms[1] != `{"a": 1}` {
		t.Errorf("got body %q", s.forms[1])
	}
}
