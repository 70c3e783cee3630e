package intent

import (
	"net/http"
	"slices"
	"strings"
)

// Submits reports whether r is a form that a browser sends in a window. Its
// response fills the window.
func Submits(r *http.Request) bool {
	if r.Method != http.MethodPost || partial(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && !slices.Contains(frames, r.Header.Get("Sec-Fetch-Dest"))
	}
	return namesHTML(r) && r.Header.Get("Upgrade") == ""
}

// SubmitsFramed reports whether r is a form that a browser sends in a frame: its
// response will fill the frame.
func SubmitsFramed(r *http.Request) bool {
	return r.Method == http.MethodPost && !partial(r) && inFrame(r)
}

// SentBy reports whether a page of the site with this origin sent a request to
// that site. It returns false if the request does not say so.
func SentBy(r *http.Request, site string) bool {
	origin := r.Header["Origin"]
	if len(origin) > 1 || len(r.Header["Sec-Fetch-Site"]) > 1 {
		return false
	}
	own := len(origin) == 1 && strings.EqualFold(origin[0], site)
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin": // the origin of a page with the referrer policy no-referrer is null
		return own || len(origin) == 0 || origin[0] == "null"
	case "":
		return own
	default:
		return false
	}
}
