package exchange

import (
	"net/url"
	"strings"
)

// FramedPath is the path, below the prefix, at which a sign-in ends that a
// frame began.
const FramedPath = "/framed"

// LatePath is the path, below the prefix, at which the gate continues a form
// that was sent without a session.
const LatePath = "/late"

// maxBack is the maximum length of a way back, in bytes.
const maxBack = 16 << 10

// Owns reports whether a path, as it was asked for, is one of the gate's own
// addresses. A rewrite before the gate makes no difference.
func Owns(prefix, path string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// WayBack returns the address to which a sign-in leads in the end. It is never
// an address of authentik. It is also none of the gate's own pages, where the
// sign-in would begin again, with three exceptions: the pages that end the
// sign-in of a frame or of a late form, and the address of a long way back.
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
