package exchange

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// FramedPath is where a sign-in ends that a frame has begun, below the prefix.
const FramedPath = "/framed"

// maxBack is the length of a way back that is remembered.
const maxBack = 16 << 10

// frames are the destinations of page loads that do not fill a window (Fetch
// Metadata).
var frames = []string{"iframe", "frame", "embed", "object", "fencedframe"}

// Navigates reports whether r is a page load in a window: only that can be led
// to a sign-in page and back. Browsers that send Sec-Fetch headers say so
// themselves (Fetch Metadata). A service worker that passes a page load on has no
// destination. A prefetch is no page load, although it looks like one.
func Navigates(r *http.Request) bool {
	if !loads(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && !slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Upgrade") == "" && !partial(r)
}

// Framed reports whether r is a page load inside a frame. The sign-in page
// refuses to be framed, so such a load cannot be led there, but it can be shown
// a page. Browsers that send no Sec-Fetch headers do not say where a page will
// stand.
func Framed(r *http.Request) bool {
	return loads(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
}

// asksForPage reports whether r is a request of a script for a page, such as one
// that a service worker repeats instead of passing a page load on. Its
// response may fill the window, but a redirect would lead only the script to the
// sign-in page.
func asksForPage(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return loads(r) && mode != "" && mode != "navigate" && (dest == "" || dest == "empty") &&
		namesHTML(r) && !partial(r)
}

// loads reports whether r can be a page load at all.
func loads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !slices.ContainsFunc(ahead, func(name string) bool {
		value := strings.ToLower(r.Header.Get(name))
		return strings.Contains(value, "prefetch") || strings.Contains(value, "preview")
	})
}

// ahead are the headers by which browsers, old ones included, mark pages that they
// prefetch.
var ahead = []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"}

// partial reports whether a script of a page asks for a piece of it, or for a
// page that the script puts in itself: the sign-in page would stand inside the
// application's. Libraries say so by these headers. An Android WebView names its
// application in X-Requested-With, which always has a dot.
func partial(r *http.Request) bool {
	with := r.Header.Get("X-Requested-With")
	return with != "" && !strings.Contains(with, ".") ||
		slices.ContainsFunc(partials, func(name string) bool { return r.Header[name] != nil })
}

// partials are the headers of htmx, Turbo, pjax, Unpoly, Inertia and Livewire. Turbo
// reloads the page if the response is not HTML.
var partials = []string{"Hx-Request", "Turbo-Frame", "X-Turbo-Request-Id", "X-Pjax", "X-Up-Version", "X-Inertia", "X-Livewire"}

// Owns reports whether a path, as it was asked for, is one of the gate's own
// addresses. A rewrite on the way here does not change that.
func Owns(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// WayBack returns where a sign-in leads in the end: never to the gate's own
// pages, where it would begin again, except to those that end what a frame
// or a late form has begun, and to where a long way back waits. Nor does it lead to an address of
// authentik.
func (x *Exchange) WayBack(to string) string {
	to = LocalPath(to)
	if x.IsBack != nil && x.IsBack(to) {
		return to
	}
	if to == x.FramedAt() || to == x.LateAt() || x.shortened(to) {
		return to
	}
	u, err := url.Parse(to)
	if err != nil || Owns(x.Prefix, u.Path) || x.NotBack != nil && x.NotBack(u.Path) {
		return "/"
	}
	return to
}

// LocalPath returns an address on this site as it may stand in a Location
// header, or "/" for whatever could lead elsewhere: browsers treat a backslash
// as a slash, skip tabs and newlines, and read two slashes at the beginning as
// another host (WHATWG URL, "relative slash state").
func LocalPath(to string) string {
	if to == "" || len(to) > maxBack || to[0] != '/' || strings.ContainsFunc(to, misread) {
		return "/"
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	local := (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
	if !strings.HasPrefix(local, "/") || strings.HasPrefix(local, "//") || len(local) > maxBack {
		return "/"
	}
	return local
}

func misread(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f }
