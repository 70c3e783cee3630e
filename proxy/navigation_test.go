package proxy

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// What a client without a session gets depends on what will show it.
func TestUnauthenticated_ResponseFitsWhatWillShowIt(t *testing.T) {
	t.Parallel()
	const (
		redirect = "303"
		page     = "401 text/html"
		problem  = "401 application/problem+json"
		html     = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
	)
	s := newSite(t, nil)
	for name, tt := range map[string]struct {
		header map[string]string
		want   string
	}{
		"page load":                     {map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": html}, redirect},
		"worker passes a page load on":  {map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "empty", "Accept": html}, redirect},
		"page load of no destination":   {map[string]string{"Sec-Fetch-Mode": "navigate"}, redirect},
		"page load in a frame":          {map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": html}, page},
		"worker asks for a page":        {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": html}, page},
		"worker asks, same origin":      {map[string]string{"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty", "Accept": html}, page},
		"worker asks, without cors":     {map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty", "Accept": html}, page},
		"fetch":                         {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}, problem},
		"fetch of no HTML":              {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html;q=0, */*"}, problem},
		"fetch of JSON":                 {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "application/json"}, problem},
		"picture":                       {map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Accept": html}, problem},
		"htmx in a modern browser":      {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": html, "HX-Request": "true"}, problem},
		"Turbo Drive":                   {map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": html, "X-Turbo-Request-Id": "1"}, problem},
		"prefetch in a modern browser":  {map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": html, "Sec-Purpose": "prefetch;prerender"}, problem},
		"old browser":                   {map[string]string{"Accept": html}, redirect},
		"old Android application":       {map[string]string{"Accept": html, "X-Requested-With": "com.example.app"}, redirect},
		"Android application":           {map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": html, "X-Requested-With": "com.example.app"}, redirect},
		"old, XMLHttpRequest":           {map[string]string{"Accept": html, "X-Requested-With": "XMLHttpRequest"}, problem},
		"old, XMLHttpRequest, in lower": {map[string]string{"Accept": html, "X-Requested-With": "xmlhttprequest"}, problem},
		"old, fetch of a library":       {map[string]string{"Accept": html, "X-Requested-With": "fetch"}, problem},
		"old, htmx":                     {map[string]string{"Accept": html, "HX-Request": "true"}, problem},
		"old, htmx, boosted":            {map[string]string{"Accept": html, "HX-Request": "true", "HX-Boosted": "true"}, problem},
		"old, Turbo":                    {map[string]string{"Accept": html, "Turbo-Frame": "cell"}, problem},
		"old, pjax":                     {map[string]string{"Accept": html, "X-PJAX": "true"}, problem},
		"old, Unpoly":                   {map[string]string{"Accept": html, "X-Up-Version": "3"}, problem},
		"old, Inertia":                  {map[string]string{"Accept": html, "X-Inertia": "true"}, problem},
		"old, Livewire":                 {map[string]string{"Accept": html, "X-Livewire": ""}, problem},
		"old, Alpine AJAX":              {map[string]string{"Accept": html, "X-Alpine-Request": "true"}, problem},
		"old, Datastar":                 {map[string]string{"Accept": "text/event-stream, text/html, application/json", "Datastar-Request": "true"}, problem},
		"old, Barba":                    {map[string]string{"Accept": html, "X-Barba": "yes"}, problem},
		"old, Turbolinks":               {map[string]string{"Accept": html, "Turbolinks-Referrer": "http://a.example"}, redirect},
		"old, capitals":                 {map[string]string{"Accept": "Text/HTML"}, redirect},
		"old, HTML is not wanted":       {map[string]string{"Accept": "text/html;q=0, application/json"}, problem},
		"old, a name like HTML":         {map[string]string{"Accept": "text/html-fragment"}, problem},
		"old, prefetch":                 {map[string]string{"Accept": html, "Purpose": "prefetch"}, problem},
		"old, prefetch of Firefox":      {map[string]string{"Accept": html, "X-Moz": "prefetch"}, problem},
		"old, preview of Safari":        {map[string]string{"Accept": html, "X-Purpose": "preview"}, problem},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/report?a=1", nil)
		for name, value := range tt.header {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.gate.Wrap(http.HandlerFunc(s.application)).ServeHTTP(w, r)
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		got := strings.TrimSpace(strconv.Itoa(w.Code) + " " + kind)
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
		if w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: got a 401 without WWW-Authenticate", name)
		}
		if h := w.Header().Get("Cache-Control"); !strings.Contains(h, "no-store") {
			t.Errorf("%s: got Cache-Control %q, want no-store", name, h)
		}
		if strings.HasPrefix(name, "worker asks") && !strings.Contains(w.Body.String(), `href="/.authentik/login?to=%2Freport%3Fa%3D1" autofocus>Sign in</a>`) {
			t.Errorf("%s: got a page without a link to sign in:\n%s", name, w.Body)
		}
	}
}

// A worker that asks for a page is told in HTML what else is wrong, too.
func TestFailure_OfAWorkersRequestForAPageIsAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Application = "wiki" })
	p := s.person(t)
	p.signIn("joe", "let me in", "/")
	for _, path := range []string{"/", "/.authentik/nothing"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"} {
			r.Header.Set(name, value)
		}
		if got := p.do(r); !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") || got.status < 400 {
			t.Errorf("%s: got %d %s, want a page of a failure", path, got.status, got.header.Get("Content-Type"))
		}
	}
}
