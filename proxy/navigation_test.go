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
		"old, Turbo stream":             {map[string]string{"Accept": "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"}, problem},
		"old, prefetch of Turbo":        {map[string]string{"Accept": html, "X-Sec-Purpose": "prefetch"}, problem},
		"old, Unpoly without a version": {map[string]string{"Accept": html, "X-Up-Target": "main"}, problem},
		"old, Livewire navigates":       {map[string]string{"Accept": html, "X-Livewire-Navigate": "1"}, problem},
		"old, fixi":                     {map[string]string{"Accept": html, "FX-Request": "true"}, problem},
		"old, Next.js":                  {map[string]string{"Accept": html, "RSC": "1"}, problem},
		"old, data of Next.js":          {map[string]string{"Accept": html, "X-Nextjs-Data": "1"}, problem},
		"old, Intercooler":              {map[string]string{"Accept": html, "X-IC-Request": "true"}, problem},
		"old, Wicket":                   {map[string]string{"Accept": html, "Wicket-Ajax": "true"}, problem},
		"old, JavaServer Faces":         {map[string]string{"Accept": html, "Faces-Request": "partial/ajax"}, problem},
		"old, ASP.NET":                  {map[string]string{"Accept": html, "X-MicrosoftAjax": "Delta=true"}, problem},
		"old, request of a WebView":     {map[string]string{"Accept": html, "X-Requested-With": "XMLHttpRequest, com.example.app"}, problem},
		"old, swup":                     {map[string]string{"Accept": html, "X-Requested-With": "swup"}, problem},
		"old, Turbolinks":               {map[string]string{"Accept": html, "Turbolinks-Referrer": "http://a.example"}, redirect},
		"old, capitals":                 {map[string]string{"Accept": "Text/HTML"}, redirect},
		"old, HTML is not wanted":       {map[string]string{"Accept": "text/html;q=0, application/json"}, problem},
		"old, a name like HTML":         {map[string]string{"Accept": "text/html-fragment"}, problem},
		"old, prefetch":                 {map[string]string{"Accept": html, "Purpose": "prefetch"}, problem},
		"old, prefetch of Firefox":      {map[string]string{"Accept": html, "X-Moz": "prefetch"}, problem},
		"old, prerendering":             {map[string]string{"Accept": html, "Purpose": "prerender"}, problem},
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

// What fills a window or a frame is a page, also for a form, and whatever the
// reason of the refusal is.
func TestRefusal_OfPageLoadsAndFormsIsAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *Config) { cfg.Application = "wiki" })
	p := s.person(t)
	p.signIn("joe", "let me in", "/")
	for name, tt := range map[string]struct{ method, mode, dest, want string }{
		"page load":             {http.MethodGet, "navigate", "document", `<form method="post" action="/.authentik/logout">`},
		"form":                  {http.MethodPost, "navigate", "document", `<form method="post" action="/.authentik/logout">`},
		"form through a worker": {http.MethodPost, "navigate", "empty", `<form method="post" action="/.authentik/logout">`},
		"page load in a frame":  {http.MethodGet, "navigate", "iframe", `href="/.authentik/login?to=%2Fx" target="_blank" rel="noopener"`},
		"form in a frame":       {http.MethodPost, "navigate", "frame", `href="/.authentik/login?to=%2Fx" target="_blank" rel="noopener"`},
		"fetch":                 {http.MethodPost, "cors", "empty", `"code":"not-allowed"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL+"/x", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"Sec-Fetch-Mode": tt.mode, "Sec-Fetch-Dest": tt.dest, "Sec-Fetch-Site": "same-origin", "Origin": s.URL, "Accept": "text/html",
		} {
			r.Header.Set(name, value)
		}
		got := p.do(r)
		if got.status != http.StatusForbidden || !strings.Contains(got.body, tt.want) {
			t.Errorf("%s: got %d %s\n%s\nwant 403 with %s", name, got.status, got.header.Get("Content-Type"), got.body, tt.want)
		}
		if framed := strings.Contains(name, "frame"); framed != (got.header.Get("X-Frame-Options") == "" && strings.Contains(got.header.Get("Content-Security-Policy"), "frame-ancestors *")) {
			t.Errorf("%s: got a page that may be framed: %t, want %t", name, !framed, framed)
		}
		if strings.Contains(name, "frame") && strings.Contains(got.body, "joe") {
			t.Errorf("%s: got a page that names the user, want none", name)
		}
	}
	if s.reached() != 0 {
		t.Error("got a request at the application, want none")
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
