package sidecar

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

// TestDescribed_RequestIsTheClients looks at what matchers get to see.
func TestDescribed_RequestIsTheClients(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, dialect Dialect) {
		n, seen := newOpenNetwork(t, dialect)
		r := load("https://wiki.example.com/a%20b?c=d")
		r.Method = http.MethodPut
		r.Header.Set("Content-Type", "text/plain")
		if got := n.answer(described(r, dialect)).Code; got != http.StatusOK || len(*seen) != 1 {
			t.Fatalf("got status %d and %d looks, want 200 and one", got, len(*seen))
		}
		got := (*seen)[0]
		body, _ := io.ReadAll(got.Body)
		if got.Method != http.MethodPut || got.Host != "wiki.example.com" || got.URL.Path != "/a b" || got.RequestURI != "/a%20b?c=d" || got.URL.RawQuery != "c=d" ||
			!strings.HasPrefix(got.RemoteAddr, clientAddress+":") || got.TLS == nil || len(body) > 0 || got.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("got the request %+v, want the client's", got)
		}
		for name := range got.Header {
			if strings.HasPrefix(name, "X-") {
				t.Errorf("got the header %s, want none of the proxy's", name)
			}
		}
		at := Resolve(got)
		if at.Scheme != "https" || at.Host != "wiki.example.com" || at.Client.String() != clientAddress || at.Asked.Path != "/a b" {
			t.Errorf("got %+v, want what the proxy says", at)
		}
	})
	if at := Resolve(load("https://wiki.example.com/")); at.Host != "" || at.Client.IsValid() {
		t.Errorf("got %+v of a request that no proxy describes, want no host", at)
	}
}

// TestVerdict_NamesWhatIsRemoved: a proxy that is told by the verdict also removes
// what it has not shown to the gate.
func TestVerdict_NamesWhatIsRemoved(t *testing.T) {
	t.Parallel()
	for _, dialect := range []Dialect{HAProxy, Envoy} {
		n := newNetwork(t, dialect, func(c *proxy.Config) { c.Open = func(*http.Request) bool { return true } })
		r := load("https://wiki.example.com/")
		r.Header.Set("X-Authentik-Foo", "x")
		w := n.answer(described(r, dialect))
		removed := "," + w.Header().Get(dialects[dialect].removes) + ","
		for _, name := range []string{"Cookie", "Authorization", "Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "X-Authentik-Foo"} {
			if !strings.Contains(removed, ","+name+",") {
				t.Errorf("%s: got %q to remove, want %s among it", dialect, removed, name)
			}
		}
		if strings.Contains(removed, ",Accept,") {
			t.Errorf("%s: got %q to remove, want only what the application must not get", dialect, removed)
		}
	}
}

// TestRefusal_IsNeverASuccess: whatever a gate answers by itself, the request does
// not pass.
func TestRefusal_IsNeverASuccess(t *testing.T) {
	t.Parallel()
	for name, from := range dialects {
		for status := 100; status < 600; status++ {
			w := httptest.NewRecorder()
			w.Code = 0
			c := &call{ResponseWriter: w, from: from, scheme: "https", host: "wiki.example.com"}
			c.WriteHeader(status)
			if status < 200 {
				continue // which is no answer yet
			}
			if w.Code < 300 || name == Nginx && w.Code != 401 && w.Code != 403 && w.Code != 500 {
				t.Errorf("%s: got status %d for %d, want a refusal", name, w.Code, status)
			}
		}
		w := httptest.NewRecorder()
		if _, err := (&call{ResponseWriter: w, from: from}).Write([]byte("page")); err != nil || w.Code != http.StatusUnauthorized {
			t.Errorf("%s: got status %d for a page without one, want 401", name, w.Code)
		}
	}
}
