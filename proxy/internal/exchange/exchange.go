package exchange

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/audit"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/programs"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Resolved is what the server in front knows about a request, from the
// connection and from trusted proxies.
type Resolved struct {
	// Scheme is "http" or "https". Host is the name and port that the browser
	// sent.
	Scheme, Host string
	// Client is the visitor's address.
	Client netip.Addr
	// Asked is the address as it was asked for, before any rewriting.
	Asked *url.URL
}

// Origin returns the origin of the site that was asked for.
func Origin(at Resolved) string { return at.Scheme + "://" + at.Host }

// Shared is what all exchanges of one gate have in common. It is immutable.
type Shared struct {
	Prefix   string // of the gate's own addresses, without a slash at its end
	Identity *Identity
	PageHost bool   // authentik is told this site's host
	Hosts    Hosts  // the hosts that authentik may be told
	Language string // for authentik's texts; empty: the visitor's
	OIDC     bool   // sign-ins use OpenID Connect
	Relay    bool   // visitors sign in on authentik's own interface, relayed
	// NotBack reports whether a sign-in must not lead back to a path. It may be nil.
	NotBack func(path string) bool
	// IsBack reports whether a sign-in may lead to one of the gate's own addresses,
	// which a login host has. It may be nil.
	IsBack  func(to string) bool
	Cookies Cookies
	// AppCookies, HandedOver and ClearSiteData say what to remove if another
	// user signs in with the same browser. HandedOver are patterns for the
	// names of cookies that the gate handed over from the application.
	AppCookies    []AppCookie
	HandedOver    []string
	ClearSiteData []string
	Key           seal.Key
	Sessions      *session.Registry
	Pages         *page.Pages
	Logger        *slog.Logger
	Demands       []slog.Attr // what the gate names at authentik, such as its flow, for log lines about failures
	Metrics       Metrics
	Audit         audit.Log
	Tracer        Tracer // nil: nothing is traced
	Now           func() time.Time
	Room          *intake.Room // memory for larger request bodies
	// Brand returns how the pages of a request look.
	Brand func(x *Exchange) flowclient.Brand
	// KnownBrand is Brand without a request to authentik. Pages that report a
	// failure use it: authentik may be the part that fails.
	KnownBrand func(x *Exchange) flowclient.Brand
	// Access says whether a session may use the application. It only reads.
	Access func(s *session.Session) Verdict
	// Unreachable is Access after authentik could not be asked about a session.
	Unreachable func(s *session.Session, cause error) Verdict
	// Programs are the programs that may come without a browser. Nil: none may.
	Programs *programs.Programs
}

// Metrics has the counters of the gate's own addresses.
type Metrics interface {
	Step(component, outcome string)
	SignIn(source, outcome string)
	SignInTook(source string, took time.Duration)
	Refused(code string)
	Ended(reason string)
}

// A Verdict says whether a session may use the application. The zero Verdict
// means that authentik has to be asked first.
type Verdict struct {
	Pass   bool         // the session may use the application
	StepUp bool         // the session may, once the user has signed in as demanded
	Err    *fault.Error // why the session may not
}

// An Exchange is one request at the gate and everything that is known about it.
// It must not be used after the request.
type Exchange struct {
	W  http.ResponseWriter
	R  *http.Request
	At Resolved
	*Shared
	// Sent are the lines of the Cookie header as the browser sent them: an
	// earlier gate may have removed cookies from the request that this gate
	// needs.
	Sent []string
	// Authorization are the lines of the header Authorization as they were
	// sent. Credential is their content at a gate that admits programs.
	Authorization []string
	Credential    programs.Credential
	// Needs are the rules that apply to the request, as the gate numbers them.
	Needs uint64
	// Asking is what this request demands of a sign-in, in addition to the
	// demands on every request, as parameters of an address.
	Asking string

	// Span is the request's span, or nil if it is not traced.
	Span Span
	// Trace records the reasons of the decision. It is nil if the decision is
	// not explained.
	Trace *Trace

	looked bool
	found  bool
	held   *session.Session
	value  string // the value of the cookie that opened the session
	err    error
}

// Uncanceled returns the exchange for work that goes on after the browser has
// disconnected.
func (x *Exchange) Uncanceled() *Exchange {
	detached := *x
	detached.R = x.R.WithContext(context.WithoutCancel(x.Context()))
	return &detached
}

// Origin returns the origin of the site that was asked for.
func (x *Exchange) Origin() string { return Origin(x.At) }

// Context returns the context of the request.
func (x *Exchange) Context() context.Context { return x.R.Context() }

// Session returns the session that one of the request's cookies opens. It is
// looked up once. found is false for a request without a session. An error says
// that the store failed.
func (x *Exchange) Session() (s *session.Session, found bool, err error) {
	if !x.looked {
		x.looked = true
		if x.Trace != nil {
			x.peek()
			return x.held, x.found, x.err
		}
		x.find()
		if x.found {
			x.held.SeenFrom(x.At.Client)
		}
	}
	return x.held, x.found, x.err
}

// find looks the session up, first among those that are cached. So planted
// cookies before the valid one cost the store nothing from the second request
// on.
func (x *Exchange) find() {
	for value := range x.sessionCookies() {
		if x.held, x.found = x.Sessions.Held(value, x.At.Host); x.found {
			x.value = value
			return
		}
	}
	for value := range x.sessionCookies() {
		x.held, x.found, x.err = x.Sessions.Find(x.Context(), value, x.At.Host)
		if x.found || x.err != nil {
			x.value = value
			return
		}
	}
}

// Recheck asks authentik about the request's session and returns the updated
// session. found is false if the session has ended.
func (x *Exchange) Recheck() (s *session.Session, found bool, err error) {
	s, found, err = x.Session()
	if !found || err != nil {
		return nil, false, err
	}
	value, ok := x.CookieOf(s)
	if !ok {
		return nil, false, nil
	}
	now, found, err := x.Sessions.Await(x.Context(), value, x.At.Host, s)
	if err != nil {
		return nil, false, err // the error says nothing about the session
	}
	x.held, x.found = now, found
	return now, found, nil
}

// Verdict returns the verdict on the request's session, and asks authentik
// first if necessary. found is false if the request has no session, or if the
// session has just ended. An error says that the store failed.
func (x *Exchange) Verdict() (v Verdict, found bool, err error) {
	s, found, err := x.Session()
	if !found || err != nil {
		return Verdict{}, false, err
	}
	if v = x.Access(s); v != (Verdict{}) {
		return v, true, nil
	}
	now, found, err := x.Recheck()
	switch {
	case err != nil:
		return x.Unreachable(s, err), true, nil
	case !found:
		return Verdict{}, false, nil
	}
	return x.Access(now), true, nil
}

// CookieOf returns the value of the cookie that opened a session.
func (x *Exchange) CookieOf(s *session.Session) (string, bool) {
	if x.found && x.held.Name() == s.Name() {
		return x.value, true
	}
	for value := range x.sessionCookies() {
		if opened, found, err := x.Sessions.Find(x.Context(), value, x.At.Host); err == nil && found && opened.Name() == s.Name() {
			return value, true
		}
	}
	return "", false
}

func (x *Exchange) sessionCookies() func(yield func(string) bool) {
	return CookieValues(x.Sent, x.Cookies.session.in(x.At.Scheme))
}

// Record returns the record of the request's session. found is false if another
// process or gate has just ended the session and this gate has not heard of it
// yet.
func (x *Exchange) Record(s *session.Session) (rec *session.Record, found bool, err error) {
	value, ok := x.CookieOf(s)
	browser, valid := seal.ParseSecret(value)
	if !ok || !valid {
		return nil, false, nil
	}
	return x.Sessions.Read(x.Context(), browser, x.At.Host)
}

// Stays returns the cookie's value of a visitor who chose to stay signed in and
// whose session has expired.
func (x *Exchange) Stays() (value string, found bool, err error) {
	for value := range x.sessionCookies() {
		if _, found, err := x.Sessions.Stays(x.Context(), value, x.At.Host); found || err != nil {
			return value, found, err
		}
	}
	return "", false, nil
}

// Box returns the box of a kind of record for a browser at this site.
func (x *Exchange) Box(kind seal.Kind, browser seal.Secret) seal.Box {
	return x.Key.Box(kind, x.Sessions.Realm(x.At.Host), browser)
}

// Visitor returns the request's client for calls to authentik, with the
// client's address and User-Agent.
func (x *Exchange) Visitor(cookies flowclient.Cookies) flowclient.Visitor {
	v := flowclient.Visitor{
		Cookies: cookies, Addr: x.At.Client,
		UserAgent: x.R.UserAgent(), Language: cmp.Or(x.Language, x.R.Header.Get("Accept-Language")),
	}
	if x.PageHost && !x.Misdirected() {
		v.Scheme, v.Host = x.At.Scheme, x.At.Host
	}
	return v
}

// RedirectURI returns the address to which authentik sends browsers back. In a
// flow that the gate runs, the browser never goes there.
func (x *Exchange) RedirectURI() string { return x.Origin() + x.Prefix + "/callback" }

// Body returns the body of the request. At most limit bytes are read and held
// in memory. The caller has to close it.
func (x *Exchange) Body(limit int64) *intake.Body {
	return intake.Open(x.W, x.R, intake.Options{Room: x.Room, Client: x.At.Client, Limit: limit})
}

// Log returns the logger with the attributes of every line about a visitor.
func (x *Exchange) Log() *slog.Logger {
	return x.Logger.With("site", x.Origin(), "client_ip", x.At.Client.String())
}

// Witness writes a line of the audit log about the request.
func (x *Exchange) Witness(line audit.Line) {
	line.Site, line.Client = x.Origin(), x.At.Client
	x.Audit.Write(x.Context(), line)
}

// Redirect sends the browser to an address on this site or at authentik.
func (x *Exchange) Redirect(to string) {
	x.W.Header().Set("Cache-Control", "no-store")
	x.W.Header().Set("Location", to)
	x.W.WriteHeader(http.StatusSeeOther)
}

// Asked returns the request as it was before any rewriting.
func (x *Exchange) Asked() *http.Request {
	r := x.R.Clone(x.Context())
	r.URL = x.At.Asked
	return r
}

// End ends a session for good.
func (x *Exchange) End(s *session.Session, reason string) error {
	if err := x.Sessions.End(x.Context(), s); err != nil {
		x.Log().ErrorContext(x.Context(), "session: cannot be ended", "error", errors.Unwrap(err), "session", s.ID())
		return err
	}
	x.Metrics.Ended(reason)
	x.Log().InfoContext(x.Context(), "session ended", "reason", reason, "user", s.User.Username, "session", s.ID())
	x.Witness(audit.Line{Event: audit.Ended(reason), Reason: reason, User: s.User.Username, Session: s.ID()})
	return nil
}
