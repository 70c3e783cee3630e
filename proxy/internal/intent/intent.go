// Package intent reads from a request what the client wants: the kind of
// request (a page load, a frame's, a form, a script's or a preflight), and the
// response format. It knows no visitor and no site.
//
//   - intent.go: page loads, and requests of scripts for pages
//   - accept.go: the response format
//   - form.go: forms, and which site sent them
//   - preflight.go: preflights of browsers
package intent

import (
	"net/http"
	"slices"
	"strings"
)

// frames are the destinations of page loads that do not fill a window (Fetch
// Metadata).
var frames = []string{"iframe", "frame", "embed", "object", "fencedframe"}

// Navigates reports whether r is a page load in a window. Only such a request
// can be redirected to a sign-in page and back. Browsers that send Sec-Fetch
// headers say so themselves (Fetch Metadata). A page load that a service worker
// passes on has no destination. A prefetch looks like a page load, but does not
// count.
func Navigates(r *http.Request) bool {
	if !loads(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && !slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
	}
	return namesHTML(r) && r.Header.Get("Upgrade") == "" && !partial(r)
}

// Framed reports whether r is a page load inside a frame. The sign-in page
// refuses to be framed, so such a request gets another page instead of a
// redirect. Browsers without Sec-Fetch headers do not say where a page will be
// shown.
func Framed(r *http.Request) bool { return loads(r) && inFrame(r) }

// inFrame reports whether the response to a page load or a form is shown in a
// frame.
func inFrame(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
}

// AsksForPage reports whether r is a request of a script for a page, such as a
// page load that a service worker repeats as its own request. Its response may
// fill the window, but a redirect would lead only the script to the sign-in
// page.
func AsksForPage(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return loads(r) && mode != "" && mode != "navigate" && (dest == "" || dest == "empty") &&
		namesHTML(r) && !partial(r)
}

// loads reports whether r can be a page load.
func loads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !slices.ContainsFunc(ahead, func(name string) bool {
		value := strings.ToLower(r.Header.Get(name))
		return strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview")
	})
}

// ahead are the headers with which browsers, including old ones, and Turbo mark a
// prefetch.
var ahead = []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Sec-Purpose", "X-Moz"}

// partial reports whether a script asks for a part of a page, or for a page
// that it inserts itself. The sign-in page would then appear inside the
// application's page. Libraries mark such requests with these headers, and Turbo
// with the type of its streams. An Android WebView sends X-Requested-With too,
// with the name of its application, which always has a dot, and may add it to what
// a script has set.
func partial(r *http.Request) bool {
	for with := range strings.SplitSeq(strings.Join(r.Header["X-Requested-With"], ","), ",") {
		if with = strings.TrimSpace(with); with != "" && !strings.Contains(with, ".") {
			return true
		}
	}
	return slices.ContainsFunc(partials, func(name string) bool { return r.Header[name] != nil }) || names(r, "text/vnd.turbo-stream.html")
}

// partials are the headers of htmx, Turbo, pjax, Unpoly, Inertia, Livewire,
// Alpine AJAX, Datastar, Barba, fixi, Next.js, Intercooler, Wicket, JavaServer
// Faces and ASP.NET. If the response is not HTML, Turbo reloads the page. The
// header of Turbolinks is not in the list, since Turbolinks shows any error text
// as a page.
var partials = []string{
	"Hx-Request", "Turbo-Frame", "X-Turbo-Request-Id", "X-Pjax", "X-Up-Version", "X-Up-Target", "X-Inertia",
	"X-Livewire", "X-Livewire-Navigate", "X-Alpine-Request", "Datastar-Request", "X-Barba", "Fx-Request",
	"Rsc", "X-Nextjs-Data", "X-Ic-Request", "Wicket-Ajax", "Faces-Request", "X-Microsoftajax",
}
