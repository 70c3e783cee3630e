package flowclient

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// reply is authentik's answer to a request.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	cookies Cookies
	until   time.Time // the expiry of the session cookie, if it was set to outlast the browser
}

// fromAuthentik reports whether the answer is authentik's own, and not that of a
// proxy in front of it.
func (r reply) fromAuthentik() bool { return r.header.Get("X-authentik-id") != "" }

// languages matches language tags (RFC 5646, section 2.1), without the forms that
// are no longer used.
var languages = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`)

// maxLanguage is the length of language tags that RFC 5646, section 4.4.1, asks
// implementations to support.
const maxLanguage = 35

// language returns the language of authentik's texts, or "" if the header does
// not name exactly one. Pages copy the tag, and browsers choose fonts and
// voices by it.
func (r reply) language() string {
	tag := r.header.Get("Content-Language")
	if len(tag) > maxLanguage || !languages.MatchString(tag) {
		return ""
	}
	return tag
}

// outage returns an error if the answer means that authentik is not available:
// it came from the router in front of its core, or from another proxy. Such an
// answer does not refuse the visitor.
func (r reply) outage(q request) error {
	if r.starting() {
		return &StartingError{RetryAfter: r.retryAfter()}
	}
	if unavailable(r.status) {
		return fmt.Errorf("%w: status %d of %s", ErrUnreachable, r.status, q.endpoint)
	}
	return nil
}

// unavailable reports whether a status means that authentik is not available.
func unavailable(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// starting reports whether authentik says that it is starting. Some releases
// say so with status 200, and only the keys of the object distinguish it from a
// challenge.
func (r reply) starting() bool {
	if r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "" {
		return true
	}
	if r.status != http.StatusOK && r.status != http.StatusServiceUnavailable {
		return false
	}
	o, err := readObject(r.body)
	return err == nil && o.text("error") == "authentik starting" && !o.has("component")
}

func (r reply) retryAfter() time.Duration {
	n, err := strconv.Atoi(r.header.Get("Retry-After"))
	wait := time.Duration(n) * time.Second
	if err != nil || n < 0 || n > int(maxRetryAfter/time.Second) {
		return 0
	}
	return wait
}

// unauthenticated reports whether authentik says that no user is signed in with
// these cookies: by a refusal in JSON, or in one of the forms that sessionEnded
// knows. A refusal by a proxy in front of authentik does not count.
func (r reply) unauthenticated(root string) bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		o, err := readObject(r.body)
		return err == nil && o.has("detail") && r.fromAuthentik()
	}
	return r.sessionEnded(root)
}

// sessionEnded reports whether the session ended during the request: the answer is
// an empty 400, or, if the session was bound to another network, a redirect to the
// login.
func (r reply) sessionEnded(root string) bool {
	switch r.status {
	case http.StatusBadRequest:
		return len(r.body) == 0 && r.fromAuthentik()
	case http.StatusFound:
		path, ok := pathBelow(root, r.header.Get("Location"))
		return ok && pathClass(path) == RedirectDefaultFlow
	}
	return false
}

func unexpected(q request, r reply, err error) error {
	if to, parsed := url.Parse(r.header.Get("Location")); err == nil && r.status/100 == 3 && parsed == nil && to.Host != "" {
		err = fmt.Errorf("a redirect to %.100q", to.Scheme+"://"+to.Host+to.EscapedPath()) // its query can hold a secret
	}
	return &UnexpectedError{Status: r.status, Endpoint: q.endpoint, Err: err}
}
