package exchange

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Strip removes the gates' cookies from a request for the application. The
// others stay as the browser wrote them.
func (c *Cookies) Strip(h http.Header) {
	lines := h["Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if line = withoutPairs(line, c.Owns); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// StripNamed removes cookies from a request by their names.
func StripNamed(h http.Header, named func(name string) bool) {
	lines := slices.Clone(h["Cookie"])
	for i, line := range lines {
		lines[i] = withoutPairs(line, func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			return named(textproto.TrimString(name))
		})
	}
	h["Cookie"] = lines
}

// withoutPairs returns the line without some cookies. A line that has none of
// them is returned unchanged.
func withoutPairs(line string, dropped func(pair string) bool) string {
	var kept strings.Builder
	kept.Grow(len(line))
	whole := true
	for pair := range strings.SplitSeq(line, ";") {
		pair = textproto.TrimString(pair)
		switch {
		case pair == "":
			continue
		case dropped(pair):
			whole = false
			continue
		case kept.Len() > 0:
			kept.WriteString("; ")
		}
		kept.WriteString(pair)
	}
	if whole {
		return line
	}
	return kept.String()
}

func (c *Cookies) mentions(line string) bool {
	for pair := range strings.SplitSeq(line, ";") {
		if c.Owns(pair) {
			return true
		}
	}
	return false
}

// Owns reports whether a cookie is one that no application may see: one of any
// gate, or one of authentik or its outposts. With the session cookie of another
// gate, an application could pass that gate.
func (c *Cookies) Owns(pair string) bool {
	key, value, _ := strings.Cut(pair, "=")
	key = textproto.TrimString(key)
	return !c.BeforeAuthentik && (authentiks(key) || outposts(key)) || c.owns(key, value)
}

// owns reports whether a cookie is one of any gate.
func (c *Cookies) owns(key, value string) bool {
	if slices.Contains(c.all, key) {
		return true
	}
	base := strings.TrimPrefix(strings.TrimPrefix(key, "__Host-"), "__Secure-")
	return strings.HasPrefix(base, "authentik_") && reserved(base) || c.Family.knows(base, value)
}

// reserved reports whether a name, without its prefix, is a default name of a
// gate's cookie, with or without a mark.
func reserved(base string) bool {
	switch base {
	case "authentik_gate", "authentik_visit", "authentik_browser", "authentik_relay", "authentik_arrivals", "authentik_mailed", "authentik_user", "authentik_copy":
		return true
	}
	part, back := strings.CutPrefix(base, "authentik_back")
	return back && len(part) == 1 || withoutMark(base) == "authentik_gate"
}

// withoutMark returns the name before a gate's mark, or an empty text if a name
// does not end with one.
func withoutMark(base string) string {
	at := len(base) - markLength
	if at < 1 || base[at-1] != '_' || strings.Trim(base[at:], "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return ""
	}
	return base[:at-1]
}

// Names are the names of a gate's cookies under one scheme.
type Names struct{ Session, Visit, Browser, Relay, Arrivals string }

// Names returns the names of the gate's cookies under a scheme.
func (c *Cookies) Names(scheme string) Names {
	return Names{
		Session: c.session.in(scheme), Visit: c.visit.in(scheme), Browser: c.browser.in(scheme),
		Relay: c.relay.in(scheme), Arrivals: c.arrivals.in(scheme),
	}
}
