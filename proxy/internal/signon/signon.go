// Package signon signs users in at an application that has only its own login
// form. When the application redirects a browser to its login page, the gate
// fills in and sends the form, and gives the application's cookies to the
// browser. The credentials never reach the browser.
//
//   - signon.go: the sign-in, and the response to the browser
//   - form.go, encoding.go: the form, filled in and encoded like a browser
//     does
//   - jar.go: the application's cookies
//   - tries.go: the limit of tries
package signon

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/answer"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/intent"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
)

// Options configure the use of an application's login form.
type Options struct {
	// Page is the path of the login page, and Post the path that its form is sent
	// to, as the application sees them.
	Page, Post string
	// User and Password are the two fields of the form.
	User, Password Field
	// Cookies are patterns for the names of the application's cookies that
	// browsers get, in which * matches any characters.
	Cookies []string
	// Redirected says that only a redirect means success. Otherwise any answer
	// does that is not an error and does not show the password's field again.
	Redirected bool
	// Now is the clock.
	Now func() time.Time
}

// A Field is the name of a field in the form, and the value for a session's
// user.
type Field struct {
	Name  string
	Value func(*session.Session) string
}

// A Handler signs users in at the application. It is safe for concurrent use.
type Handler struct {
	Options
	tries tries
}

// New returns a handler.
func New(o Options) *Handler {
	o.Post = cmp.Or(o.Post, o.Page)
	return &Handler{Options: o, tries: newTries(o.Now)}
}

// A Next is the application.
type Next func(http.ResponseWriter, *http.Request) error

// Takes reports whether a request is a page load of the application's login page.
// A nil Handler takes none.
func (h *Handler) Takes(x *exchange.Exchange) bool {
	return h != nil && x.R.Method == http.MethodGet && x.R.URL.Path == h.Page && intent.Navigates(x.R)
}

// Serve answers a page load of the login page, for the user of a session. The
// gate itself answers through x. The application answers through w, if it is to
// answer. r is the request as the application would get it.
func (h *Handler) Serve(x *exchange.Exchange, w http.ResponseWriter, r *http.Request, s *session.Session, next Next) error {
	user, password := h.User.Value(s), h.Password.Value(s)
	if user == "" || password == "" {
		x.Log().WarnContext(x.Context(), "sign-on: the user has no name or no password for the application",
			"user", s.User.Username, "session", s.ID())
		return next(w, r)
	}
	try, ok := h.tries.begin(r.Context(), s.User.UID)
	if !ok {
		return next(w, r) // the visitor sees the application's own page
	}
	refused := false
	defer func() { try.end(h.Now(), refused) }()
	a := attempt{Options: h.Options, request: r, origin: x.Origin(), asked: x.At.Asked, jar: newJar(r), next: next}
	to, err := a.run(user, password)
	switch {
	case a.failed != nil:
		return a.failed // the application could not be asked
	case errors.Is(err, errNoLogin) && a.page.Cut:
		return next(w, r)
	case errors.Is(err, errNoLogin):
		a.page.Replay(w)
		return nil
	case err != nil:
		refused = true
		x.Fail(fault.New(fault.SignOnFailed, err), x.WayBack(x.At.Asked.RequestURI()))
		return nil
	}
	for _, line := range a.jar.given(h.Cookies, x.Cookies.Owns) {
		x.W.Header().Add("Set-Cookie", line)
	}
	x.Redirect(to)
	return nil
}

// errNoLogin says that the login page has no login form, for example because
// the user is already signed in at the application.
var errNoLogin = errors.New("the application's page shows no login form")

// An attempt is one sign-in at the application.
type attempt struct {
	Options

	request *http.Request // the request for the login page
	origin  string        // the site's origin, as browsers see it
	asked   *url.URL      // the login page, as browsers see it
	jar     *jar
	next    Next

	page   answer.Answer
	failed error // the error of next
}

// run signs the user in, and returns the address to which the browser goes
// next.
func (a *attempt) run(user, password string) (to string, err error) {
	get := a.derive(http.MethodGet, a.request.URL)
	if a.failed = a.next(&a.page, get); a.failed != nil {
		return "", a.failed
	}
	sent := a.page.Sent()
	switch {
	case a.page.Status >= http.StatusInternalServerError:
		return "", fmt.Errorf("the application answers its login page with %d", a.page.Status)
	case a.page.Status != http.StatusOK || !isHTML(sent):
		return "", errNoLogin
	}
	if a.page.Cut {
		return "", answer.ErrTooLong
	}
	a.jar.add(a.page.Cookies(), sent["Set-Cookie"])
	text, charset, err := asText(a.page.Body, sent.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	d, err := readDocument(text)
	if err != nil {
		return "", err
	}
	form, err := loginFormOf(d, a.Password.Name)
	if err != nil {
		return "", err
	}
	action, err := a.action(d, form)
	if err != nil {
		return "", err
	}
	fields, err := form.fill(user, password, a.Options)
	if err != nil {
		return "", err
	}
	body, contentType, err := form.encode(fields, charset, user, password)
	if err != nil {
		return "", err
	}
	return a.post(action, body, contentType)
}

// action returns the address to which the form is sent. It must be a configured
// path of this site: a page that an attacker has changed must not get the
// password.
func (a *attempt) action(d *document, form *loginForm) (*url.URL, error) {
	base, err := a.resolve(a.asked, d.base)
	if err != nil {
		return nil, err
	}
	to, err := a.resolve(base, form.action)
	if err != nil {
		return nil, err
	}
	stripped := strings.TrimSuffix(a.asked.Path, a.request.URL.Path)
	to.Path, _ = strings.CutPrefix(to.Path, stripped)
	switch {
	case to.Path != a.Page && to.Path != a.Post:
		return nil, fmt.Errorf("the form is sent to %q and not to %q; if that is right, set post", to.Path, a.Post)
	case form.method != "post":
		return nil, errors.New("the form is not sent with POST")
	case form.encoding == "text/plain": // applications may read such a form in different ways
		return nil, fmt.Errorf("the form is sent as %s and not as %s or %s", form.encoding, urlencoded, multiparts)
	}
	return to, nil
}

// resolve returns an address of this site from a page.
func (a *attempt) resolve(base *url.URL, ref string) (*url.URL, error) {
	to, err := base.Parse(strings.TrimSpace(ref))
	if err != nil {
		return nil, fmt.Errorf("the page names an address that cannot be read: %w", err)
	}
	if to.Host != "" && to.Scheme+"://"+to.Host != a.origin {
		return nil, fmt.Errorf("the page leads to %s://%s, which is another site", to.Scheme, to.Host)
	}
	return &url.URL{Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}, nil
}

// post sends the form, and returns the address to which the browser goes next.
func (a *attempt) post(action *url.URL, body []byte, contentType string) (to string, err error) {
	var done answer.Answer
	r := a.derive(http.MethodPost, action)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	if a.failed = a.next(&done, r); a.failed != nil {
		return "", a.failed
	}
	a.jar.add(done.Cookies(), done.Sent()["Set-Cookie"])
	switch {
	case done.Status >= http.StatusBadRequest:
		return "", fmt.Errorf("the application answers the form with %d", done.Status)
	case done.Status < http.StatusMultipleChoices && a.Redirected:
		return "", fmt.Errorf("the application answers the form with %d and not with a redirect", done.Status)
	case done.Status < http.StatusMultipleChoices && done.Cut:
		return "", answer.ErrTooLong
	case done.Status < http.StatusMultipleChoices:
		text, _, err := asText(done.Body, done.Sent().Get("Content-Type"))
		if err != nil {
			return "", err
		}
		if d, err := readDocument(text); err != nil || hasPassword(d, a.Password.Name) {
			return "", errors.New("the application shows its login again: it does not accept the name and the password")
		}
	}
	if !a.jar.holds(a.Cookies) {
		return "", errors.New("the application has set none of the cookies that are configured")
	}
	return a.after(done.Sent().Get("Location"))
}

// after returns the address to which the application redirects the user after
// the sign-in, if it is on this site.
func (a *attempt) after(location string) (to string, err error) {
	if location == "" {
		return "/", nil
	}
	u, err := a.resolve(a.asked, location)
	if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return "/", nil //nolint:nilerr // the application redirects to another site: the browser stays here
	}
	stripped := strings.TrimSuffix(a.asked.Path, a.request.URL.Path)
	if path, _ := strings.CutPrefix(u.Path, stripped); path == a.Page {
		return "", errors.New("the application leads to its login again: it does not accept the name and the password")
	}
	return u.RequestURI(), nil
}

func hasPassword(d *document, name string) bool {
	_, err := loginFormOf(d, name)
	return err == nil
}

func isHTML(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}

// derive returns a request that the browser could have sent next. It has no
// headers that would make the application send only a part of its answer, or in
// an encoding that the gate cannot read.
func (a *attempt) derive(method string, to *url.URL) *http.Request {
	r := a.request.Clone(a.request.Context())
	for _, name := range []string{"Accept-Encoding", "Range", "If-Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		r.Header.Del(name)
	}
	address := *to // a copy, since handlers before the application may change it
	r.Method, r.URL, r.RequestURI = method, &address, to.RequestURI()
	a.jar.send(r)
	if method != http.MethodPost {
		return r
	}
	r.Header.Set("Origin", a.origin)
	r.Header.Set("Referer", a.origin+a.asked.RequestURI())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-User", "?1")
	return r
}
