package lateform

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/reply"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

const (
	// keptFor is how long a page with a kept form can be used.
	keptFor = 24 * time.Hour
	// sealedField is the name of the page's field with the sealed value. The names
	// of the kept fields begin with prefix.
	sealedField, prefix = "late", "f."
	// maxSealed is the maximum size of the sealed value in a page: an address
	// has up to 16 KiB.
	maxSealed = 32 << 10
	// maxOwn is the maximum size of the form that such a page sends: encoding
	// may make three bytes of each byte of a kept value.
	maxOwn = 3*maxKept + 64<<10
)

// A Handler keeps forms. It is safe for concurrent use.
type Handler struct {
	*exchange.Shared
	// Paths are the paths where forms of other sites are accepted.
	Paths []string
	// Elsewhere says that forms cannot be kept, since another proxy receives
	// them.
	Elsewhere bool
	// SignInAt returns the address of a sign-in that leads to an address.
	SignInAt func(to string) string
}

// An origin is the address that a form was sent to. It is sealed, so that no
// page can change it.
type origin struct {
	To    string    `json:"to"`
	User  string    `json:"user,omitempty"` // the mark of the user of the ended session, if known
	Files bool      `json:"files,omitempty"`
	At    time.Time `json:"at"`
}

func (h *Handler) box(x *exchange.Exchange) seal.Box {
	return h.Key.Own(seal.KindLateForm, h.Sessions.Realm(x.At.Host))
}

// Keep answers a form that needs a sign-in first, with a page that keeps the
// form. A form of another site is kept only if the operator has named its path:
// sent again from this site, it would carry the session cookie, which SameSite
// withheld before, and the Origin of this site.
func (h *Handler) Keep(x *exchange.Exchange) {
	x.ExpireUnreadable()
	x.W.Header().Add("Vary", "Cookie, Sec-Fetch-Mode, Accept")
	x.Invite()
	to := x.At.Asked.RequestURI()
	switch {
	case !intent.SentBy(x.R, x.Origin()) && !slices.Contains(h.Paths, x.At.Asked.Path):
		h.Pages.LateForeign(x.W, x.R, h.signIn(x, "/"), x.Brand(x))
		return
	case h.Elsewhere, exchange.LocalPath(to) != to:
		h.lost(x)
		return
	}
	body := intake.Open(x.W, x.R, intake.Options{Room: h.Room, Client: x.At.Client, Limit: maxSent, Held: maxKept})
	defer body.Close() //nolint:errcheck // It only gives back room.
	f, err := read(x.R.Header.Get("Content-Type"), bounded(x.R, body))
	if err != nil {
		h.lost(x)
		return
	}
	from := origin{To: to, User: x.LastUser(), At: h.Now(), Files: strings.HasPrefix(x.R.Header.Get("Content-Type"), typeMultipart)}
	sealed, err := h.box(x).SealText(from)
	if err != nil {
		x.Fail(fault.New(fault.AuthentikUnexpected, err), "/")
		return
	}
	h.show(x, sealed, f)
}

// bounded bounds a form without files to the size that can be kept.
func bounded(r *http.Request, body io.Reader) io.Reader {
	if strings.HasPrefix(r.Header.Get("Content-Type"), typeMultipart) {
		return body
	}
	return io.LimitReader(body, maxOwn)
}

func (h *Handler) lost(x *exchange.Exchange) {
	h.Pages.LateLost(x.W, x.R, h.signIn(x, x.WayBack(x.At.Asked.RequestURI())), x.Brand(x))
}

func (h *Handler) signIn(x *exchange.Exchange, to string) string { return h.SignInAt(to) + x.Asking }

// show draws the page that keeps a form.
func (h *Handler) show(x *exchange.Exchange, sealed string, f form) {
	h.Pages.Late(x.W, x.R, h.kept(x, sealed, f), x.Brand(x))
}

// kept returns the fields that a page keeps.
func (h *Handler) kept(x *exchange.Exchange, sealed string, f form) page.LateForm {
	kept := []page.Field{{Name: sealedField, Value: sealed}}
	for _, field := range f.fields {
		kept = append(kept, page.Field{Name: prefix + field.Name, Value: field.Value})
	}
	return page.LateForm{SignIn: h.signIn(x, h.LateAt()), Continue: h.LateAt(), Fields: kept, Files: f.files}
}

// Arrived answers GET late, the page at which the sign-in in the other tab
// ends.
func (h *Handler) Arrived(x *exchange.Exchange) {
	v, found, err := x.Verdict()
	switch {
	case err != nil:
		x.Fail(fault.From(err), "/")
	case found && v.Pass:
		s, _, _ := x.Session()
		h.Pages.LateSignedIn(x.W, x.R, s.User.Username, x.Brand(x))
	case intent.Navigates(x.R):
		x.Redirect(h.SignInAt(h.LateAt()))
	default:
		x.Fail(fault.New(fault.SignInRequired, nil), "/")
	}
}

// Continue answers POST late, the button of the page that keeps a form. The
// next page names the account and has the button that sends the form.
func (h *Handler) Continue(x *exchange.Exchange) {
	sealed, from, f, err := h.sent(x)
	if err != nil {
		x.Fail(reply.Unreadable(err), "/")
		return
	}
	v, found, err := x.Verdict()
	switch {
	case err != nil:
		x.Fail(fault.From(err), "/")
		return
	case !found, !v.Pass && v.Err == nil:
		x.Invite()
		h.show(x, sealed, f)
		return
	}
	s, _, _ := x.Session()
	switch {
	case v.Err != nil:
		x.TurnAway(s, v.Err, "/")
	case from.User != "" && !x.IsUser(from.User, s.User.UID):
		h.Pages.LateOther(x.W, x.R, h.kept(x, sealed, f), s.User.Username, x.Brand(x))
	default:
		h.Pages.LateSend(x.W, x.R, page.LateSend{
			To: from.To, Fields: f.fields, Files: from.Files, Username: s.User.Username, Insecure: x.At.Scheme == "http",
		}, x.Brand(x))
	}
}

var errForged = errors.New("lateform: the page was not made by this gate, or is too old")

// sent reads the form that a page with a kept form has sent.
func (h *Handler) sent(x *exchange.Exchange) (sealed string, from origin, f form, err error) {
	body := intake.Open(x.W, x.R, intake.Options{Room: h.Room, Client: x.At.Client, Limit: maxOwn})
	defer body.Close() //nolint:errcheck // It only gives back room.
	all, err := readPlain(body, ofPage)
	if err != nil {
		return "", origin{}, form{}, err
	}
	for _, field := range all.fields {
		name, kept := strings.CutPrefix(field.Name, prefix)
		switch {
		case kept:
			f.fields = append(f.fields, page.Field{Name: name, Value: field.Value})
		case field.Name == sealedField:
			sealed = field.Value
		}
	}
	if err := h.box(x).OpenText(sealed, &from); err != nil || h.Now().Sub(from.At) > keptFor || exchange.LocalPath(from.To) != from.To {
		return "", origin{}, form{}, errForged
	}
	return sealed, from, f, nil
}
