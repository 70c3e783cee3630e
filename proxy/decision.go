package proxy

import (
	"net/http"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A decision is what the gate does with a request. The set is closed, and a
// request that none of it was made for goes nowhere.
type decision interface{ kind() string }

type (
	pass   struct{ session *Session }     // to the application; no session on an open path
	own    struct{}                       // to the gate's own pages
	weigh  struct{ session *Session }     // authentik has yet to say whether this user may use the application
	stepUp struct{}                       // the application demands a sign-in of another kind, or a newer one
	signIn struct{ link flowclient.Flow } // to the sign-in page, and then back; or where a link leads
	refuse struct{ err *fault.Error }     // no further
)

func (p pass) kind() string {
	if p.session == nil {
		return "open"
	}
	return "pass"
}

func (own) kind() string    { return "own" }
func (weigh) kind() string  { return "weigh" }
func (stepUp) kind() string { return "sign-in" }
func (signIn) kind() string { return "sign-in" }
func (refuse) kind() string { return "refuse" }

// decide says what is to be done with a request. It reads and never writes, and
// nothing that a client sends changes what it says, except the session cookie.
func (g *Gate) decide(r *http.Request, at Resolved) decision {
	if g.owns(at) {
		return own{}
	}
	open := g.cfg.Open(r)
	session, err := g.sessionOf(r, at)
	switch {
	case err != nil && !open:
		return refuse{fault.From(err)}
	case session != nil:
		if d := g.judge(session); !open || d.kind() == "pass" {
			return d
		}
		return pass{}
	case open:
		return pass{}
	}
	if d, ok := g.relaying(r, at); ok {
		return d
	}
	switch {
	case navigates(r), framed(r):
		return signIn{g.link(at)}
	default:
		return refuse{fault.New(fault.SignInRequired, nil)}
	}
}

// judge says whether a session's user may use the application behind this gate. This is the one place that lets
// anybody in. What authentik has said holds until a recheck is due, and a yes for some time longer.
func (g *Gate) judge(s *Session) decision {
	now := g.cfg.Now()
	allowed := s.fits && (g.cfg.Application == "" || s.apps[g.cfg.Application])
	switch {
	case !g.knows(s):
		return weigh{s}
	case g.lapsed(s, now), !allowed && s.isDue(now):
		return weigh{s}
	case !allowed:
		return refuse{fault.New(fault.NotAllowed, nil)}
	case g.cfg.OIDC.demand().unmet(s.signIn, now):
		return stepUp{}
	default:
		return pass{s}
	}
}

// sessionOf finds the session that one of the request's cookies opens.
func (g *Gate) sessionOf(r *http.Request, at Resolved) (*Session, error) {
	for value := range cookieValues(r.Header["Cookie"], g.jar.session.in(at.Scheme)) {
		session, err := g.sessions.of(r.Context(), value, at)
		if session != nil || err != nil {
			return session, err
		}
	}
	return nil, nil
}

// owns reports whether an address, as it was asked for, is the gate's own. A
// rewrite on the way here changes nothing about that.
func (g *Gate) owns(at Resolved) bool {
	rest, ok := strings.CutPrefix(at.Asked.Path, g.cfg.Prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// navigates reports whether r is a page load: only that can be led to a
// sign-in page and back. Browsers that send Sec-Fetch headers say so
// themselves (Fetch Metadata); a prefetch is none, although it looks like one.
func navigates(r *http.Request) bool {
	if !loads(r) {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate" && topLevel(r.Header.Get("Sec-Fetch-Dest"))
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && r.Header.Get("Upgrade") == ""
}

// loads reports whether r can be a page load at all.
func loads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch")
}

// topLevel reports whether a page load fills a window. The sign-in page
// refuses to be framed, so a frame cannot be led there.
func topLevel(dest string) bool { return dest == "" || dest == "document" }
