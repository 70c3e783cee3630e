package caddymodule

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A fakeMatcher is a matcher made of a function.
type fakeMatcher func(*http.Request) (bool, error)

func (f fakeMatcher) MatchWithError(r *http.Request) (bool, error) { return f(r) }

func onPath(path string) caddyhttp.MatcherSets {
	return caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) { return r.URL.Path == path, nil })}}
}

func TestOpen_IsWhatTheMatcherDoesNotMatchTwice(t *testing.T) {
	t.Parallel()
	failing := caddyhttp.MatcherSets{{fakeMatcher(func(*http.Request) (bool, error) { return false, errors.New("failed") })}}
	tests := map[string]struct {
		matchers         caddyhttp.MatcherSets
		asked, rewritten string
		want             bool
	}{
		"no matcher":                    {nil, "/x", "/x", false},
		"matched":                       {onPath("/closed"), "/closed", "/closed", false},
		"left out":                      {onPath("/closed"), "/open", "/open", true},
		"rewritten to what is closed":   {onPath("/closed"), "/open", "/closed", false},
		"rewritten from what is closed": {onPath("/closed"), "/closed", "/index.php", false},
		"rewritten between open ones":   {onPath("/closed"), "/open", "/index.php", true},
		"a matcher that fails":          {failing, "/open", "/open", false},
		"one that fails on a rewritten": {failing, "/open", "/index.php", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := Handler{closed: readBy(tt.matchers)}
			r := inCaddy(t, http.MethodGet, tt.asked, nil)
			r.URL.Path = tt.rewritten
			if got := h.open(r); got != tt.want {
				t.Errorf("open = %v, want %v", got, tt.want)
			}
			if r.URL.Path != tt.rewritten {
				t.Error("the request was changed")
			}
		})
	}
}

// A matcher may fail only on the address as asked.
func TestOpen_IsFalseIfTheMatcherFails(t *testing.T) {
	t.Parallel()
	h := Handler{closed: readBy(caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) {
		if r.URL.Path == "/asked" {
			return false, errors.New("failed")
		}
		return false, nil
	})}})}
	r := inCaddy(t, http.MethodGet, "/asked", nil)
	r.URL.Path = "/rewritten"
	if h.open(r) {
		t.Error("a failing matcher left a request out")
	}
}

func TestOpen_ChecksTheMethodAsSent(t *testing.T) {
	t.Parallel()
	h := Handler{closed: readBy(caddyhttp.MatcherSets{{fakeMatcher(func(r *http.Request) (bool, error) {
		return r.Method == http.MethodPost, nil
	})}})}
	r := inCaddy(t, http.MethodPost, "/", nil)
	r.Method = http.MethodGet
	if h.open(r) {
		t.Error("a POST that was made a GET passes for a GET")
	}
}

// A request whose address is plain costs no more than its matchers.
func TestOpen_AllocatesNothing(t *testing.T) {
	h := Handler{closed: readBy(onPath("/closed"))}
	r := inCaddy(t, http.MethodGet, "/assets/app.js?v=1", nil)
	if n := testing.AllocsPerRun(100, func() { h.open(r) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// An option open opens nothing by a matcher that fails, whatever it says besides.
func TestOpen_NothingIsOpenByAMatcherThatFails(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{false, true} {
		failing := caddyhttp.MatcherSets{{fakeMatcher(func(*http.Request) (bool, error) { return says, errors.New("failed") })}}
		h := Handler{opened: readBy(failing)}
		if h.open(inCaddy(t, http.MethodGet, "/x", nil)) {
			t.Errorf("a matcher that fails and says %v: got open, want closed", says)
		}
	}
}

// A matcher of several parts is asked about those that are not ambiguous, of the
// request as it was sent and as it was rewritten.
func TestOpen_AmbiguousPartsCountAsMatching(t *testing.T) {
	t.Parallel()
	path := caddyhttp.MatchPath{"/admin/*"}
	method := caddyhttp.MatchMethod{http.MethodPost}
	for name, tt := range map[string]struct {
		sets                   caddyhttp.MatcherSets
		method, asked          string
		newMethod, rewrittenTo string
		want                   bool
	}{
		"plain":                         {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/x", "POST", "/public/x", true},
		"as sent":                       {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/..;/admin/x", "POST", "/public/..;/admin/x", false},
		"as sent, another method":       {caddyhttp.MatcherSets{{path, method}}, "GET", "/public/..;/admin/x", "GET", "/public/..;/admin/x", true},
		"as sent, the method rewritten": {caddyhttp.MatcherSets{{path, method}}, "POST", "/public/..;/admin/x", "GET", "/public/y", false},
		"as rewritten":                  {caddyhttp.MatcherSets{{path}}, "GET", "/public/x", "GET", "/public/..;/admin/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := Handler{closed: readBy(tt.sets)}
			r := httptest.NewRequestWithContext(t.Context(), tt.method, tt.asked, nil)
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, new(caddyhttp.Server))
			to, err := url.Parse(tt.rewrittenTo)
			if err != nil {
				t.Fatal(err)
			}
			r.Method, r.URL = tt.newMethod, to
			if got := h.open(r); got != tt.want {
				t.Errorf("got open %v, want %v", got, tt.want)
			}
		})
	}
}
