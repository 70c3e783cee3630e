package signon

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func newRequest(t testing.TB, to *url.URL) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.URL = to
	return r
}

func TestJar_SendsWhatABrowserWould(t *testing.T) {
	t.Parallel()
	r := newRequest(t, &url.URL{Path: "/login"})
	r.Header.Set("Cookie", "sid=old; theme=dark; gone=1")
	j := newJar(r)
	h := http.Header{"Set-Cookie": {"sid=new; Path=/; HttpOnly", "csrf=t; Path=/", "gone=; Max-Age=0", "authentik_gate=planted; Path=/", "other=1"}}
	j.add((&http.Response{Header: h}).Cookies(), h["Set-Cookie"])
	j.send(r)
	if got, want := r.Header.Get("Cookie"), "sid=new; theme=dark; csrf=t; authentik_gate=planted; other=1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	ours := func(pair string) bool { return strings.HasPrefix(pair, "authentik_") }
	if got, want := j.given([]string{"sid", "csrf*", "authentik_gate", "gone"}, ours), []string{h["Set-Cookie"][0], h["Set-Cookie"][1], h["Set-Cookie"][2]}; !slices.Equal(got, want) {
		t.Errorf("the browser gets %q, want %q", got, want)
	}
	if !j.holds([]string{"sid"}) || j.holds([]string{"gone"}) {
		t.Error("got the cookies wrong that it holds")
	}
}

func TestTries_ARefusedUserWaitsAMinute(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	all := newTries(func() time.Time { return now })
	try := func(user string, refused bool) bool {
		one, ok := all.begin(t.Context(), user)
		if ok {
			one.end(now, refused)
		}
		return ok
	}
	if !try("jane", true) || try("jane", false) {
		t.Error("got a refused user tried again at once, want a pause")
	}
	if !try("joe", false) {
		t.Error("got another user waiting, want no pause")
	}
	now = now.Add(59 * time.Second)
	if try("jane", false) {
		t.Error("got a refused user tried again within a minute, want a pause")
	}
	now = now.Add(time.Second)
	if !try("jane", false) {
		t.Error("got no try of a refused user after a minute, want one")
	}
	for range maxCounted - 1 {
		try("jane", false)
	}
	if try("jane", false) {
		t.Error("got one more try, want an end")
	}
}

// TestTries_OfOneUserWaitForEachOther: several tabs must not send the same wrong
// password each.
func TestTries_OfOneUserWaitForEachOther(t *testing.T) {
	t.Parallel()
	all := newTries(time.Now)
	first, ok := all.begin(t.Context(), "jane")
	if !ok {
		t.Fatal("got the first try refused, want it allowed")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, ok := all.begin(gone, "jane"); ok {
		t.Error("got a visitor who has left signed in, want an end")
	}
	second := make(chan bool)
	go func() {
		_, ok := all.begin(t.Context(), "jane")
		second <- ok
	}()
	first.end(time.Now(), true)
	if <-second {
		t.Error("got the wrong password sent twice, want it sent once")
	}
}
