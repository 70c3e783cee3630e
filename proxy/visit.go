package proxy

import (
	"cmp"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// visitLife is how long a page may wait for its answer, counted from the
// visit's beginning.
const visitLife = 30 * time.Minute

// maxBack is the length of a way back that is remembered.
const maxBack = 4 << 10

var errVisitOver = errors.New("proxy: the visit was begun too long ago")

// A visit is one sign-in on its way. It lives in the page that asks its
// present question, sealed for this gate and this browser, and nowhere else:
// tabs know nothing of each other, and a restart in mid-login changes nothing.
type visit struct {
	// ID is new for each page that is drawn.
	ID string `json:"id"`
	// Begun is when the visit began.
	Begun time.Time `json:"begun"`
	// Back is where the visitor wanted to go: a local address.
	Back string `json:"back"`
	// First is the flow that the visit began with.
	First flowclient.Flow `json:"first"`
	// Opening is the component of the flow's first question. Where it comes again, the flow has begun anew.
	Opening flowclient.Component `json:"opening,omitempty"`
	// Name is what was typed for a name where authentik asked for something else first.
	Name string `json:"name,omitempty"`
	// Aside says that the visitor has chosen another flow, such as one to
	// recover a password.
	Aside bool `json:"aside,omitempty"`
	// Step is the question, and the cookies by which authentik knows the visit. It has none
	// where the question was drawn from a copy and the visit begins with its answer.
	Step flowclient.Step `json:"step"`
	// Request is what authentik's authorize endpoint is asked for, where the sign-in rests on OpenID Connect.
	Request *authRequest `json:"request,omitempty"`
	// Detour is the source that the visitor has chosen of the question's.
	Detour *detour `json:"detour,omitempty"`
	// Sent says when messages were sent that the visitor could have sent again.
	Sent map[string]time.Time `json:"sent,omitempty"`
}

// at returns the visit at its next step, as a page of its own.
func (v visit) at(step flowclient.Step) visit {
	v.ID = rand.Text()
	v.Step, v.Detour = step, nil
	return v
}

// visitor is how authentik sees who is behind a request: as the browser it
// is, at its own address.
func (g *Gate) visitor(r *http.Request, at Resolved, cookies flowclient.Cookies) flowclient.Visitor {
	v := flowclient.Visitor{
		Cookies: cookies, Addr: at.Client,
		UserAgent: r.UserAgent(), Language: cmp.Or(g.cfg.Page.Language, r.Header.Get("Accept-Language")),
	}
	if g.cfg.PageHost {
		v.Scheme, v.Host = at.Scheme, at.Host
	}
	return v
}

// sealVisit writes a visit into the page of the browser that has the secret.
func (g *Gate) sealVisit(s seal.Secret, at Resolved, v visit) (string, error) {
	return g.keys.Box(seal.KindVisit, g.sessions.realm(at), s).SealText(v)
}

// openVisit reads a visit from a page. What is inside was written by the
// gate; it is checked all the same, since a slug becomes part of an address at authentik
// and the way back one in the browser.
func (g *Gate) openVisit(s seal.Secret, at Resolved, sealed string) (visit, error) {
	var v visit
	if err := g.keys.Box(seal.KindVisit, g.sessions.realm(at), s).OpenText(sealed, &v); err != nil {
		return visit{}, err
	}
	if !v.Step.Flow.Valid() || !v.First.Valid() || v.Step.Challenge == nil || v.Back != localPath(v.Back) {
		return visit{}, seal.ErrSealed
	}
	if age := g.cfg.Now().Sub(v.Begun); age > visitLife || age < -visitLife {
		return v, errVisitOver
	}
	return v, nil
}

// wayBack is where a sign-in leads in the end: never to the gate's own pages, where it
// would begin again, except for the one that ends what a frame has begun.
func (g *Gate) wayBack(to string) string {
	to = localPath(to)
	if to == g.cfg.Prefix+framedPath {
		return to
	}
	u, err := url.Parse(to)
	if err != nil || g.owns(Resolved{Asked: u}) {
		return "/"
	}
	return to
}

// localPath returns an address on this site as it may stand in a Location
// header, or "/" for whatever could lead elsewhere: browsers take a backslash
// for a slash, skip tabs and newlines, and read what begins with two slashes
// as another host (WHATWG URL, "relative slash state").
func localPath(to string) string {
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
