// Package rules has the rules for the values of a configuration: names,
// domains, paths and bounds. Package proxy checks a Config with them. A server
// that reads its configuration from text checks the text with them. No other
// package has such rules.
//
// An error says what is wrong with a value and what to write instead. It does
// not name the option, which the caller knows.
//
//   - rules.go: bounds, slugs, addresses, paths and names of headers
//   - hosts.go: the normal form of host names
//   - cookies.go: names and domains of cookies
//   - address.go, overrides.go: requests that servers read in different ways
//   - claims.go: what is known about a user, for headers and requirements
//   - patterns.go: patterns for names
//   - openid.go: the client of OpenID Connect
//   - clients.go: programs without a browser
//   - conflicts.go: options that need or exclude each other
//   - suggest.go: suggestions for unknown words
package rules

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds.
const (
	// MinLifetime is the minimum lifetime of a session: a shorter one would end
	// before the visitor reaches the application.
	MinLifetime = time.Minute
	// MinIdle is the minimum idle time. The use of a session is recorded once a
	// minute.
	MinIdle = 2 * time.Minute
	// MinRecheck is the minimum time between two rechecks of a session.
	MinRecheck = 10 * time.Second
	// MinMaxAge is the minimum of the maximum age of a sign-in. With a shorter
	// one, a sign-in would be too old by the time it ends.
	MinMaxAge = time.Minute
	// MaxPerUser is the maximum limit for the sessions of a user.
	MaxPerUser = 1000
	// MinKey is the minimum length of the gate's key, in bytes. A key of
	// hexadecimal digits, the least dense encoding of random bytes, then has
	// 128 bits.
	MinKey = 32
)

// slug matches the slugs that authentik allows.
var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// Slug checks a slug of authentik.
func Slug(text string) error {
	if !slug.MatchString(text) {
		return fmt.Errorf("%q is not a slug; write the slug that authentik shows: letters, digits, - and _", text)
	}
	return nil
}

// URL returns a check for an address without a query. Errors show example.
func URL(example string) func(string) error {
	return func(text string) error {
		u, err := url.Parse(text)
		text = text[strings.LastIndex(text, "@")+1:] // the value may contain a password
		switch {
		case err != nil:
			return fmt.Errorf("%q is not an address; write one like %s", text, example)
		case u.Scheme != "http" && u.Scheme != "https":
			return fmt.Errorf("%q does not begin with http:// or https://; write one like %s", text, example)
		case u.Hostname() == "":
			return fmt.Errorf("%q names no host; write one like %s", text, example)
		case u.User != nil:
			return errors.New("a username or password in the address is never used; leave it out")
		case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
			return fmt.Errorf("%q has a query or a fragment; leave out what begins with ? or #", text)
		}
		return nil
	}
}

// ownPages are the first segments of the paths that authentik has for its pages,
// its interfaces and its outposts.
var ownPages = []string{"if", "api", "application", "flows", "source", "outpost.goauthentik.io", ".well-known"}

// Authentik checks an address of authentik itself, which may be below a path.
func Authentik(example string) func(string) error {
	return func(text string) error {
		if err := URL(example)(text); err != nil {
			return err
		}
		u, err := url.Parse(text)
		if err != nil {
			return err
		}
		if port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16); err != nil || port == 0 {
			return fmt.Errorf("%q has no port that there is; write a number up to 65535", text)
		}
		segments := strings.Split(u.Path, "/")
		if i := slices.IndexFunc(segments, func(s string) bool { return slices.Contains(ownPages, s) }); i >= 0 {
			return fmt.Errorf("%q is a page of authentik, and the gate finds those itself; write %s://%s%s",
				text, u.Scheme, u.Host, strings.Join(segments[:i], "/"))
		}
		return nil
	}
}

// Origin checks the scheme and host of a site.
func Origin(text string) error {
	const example = "https://app.example.com"
	if err := URL(example)(text); err != nil {
		return err
	}
	if u, err := url.Parse(text); err != nil || u.Path != "" {
		return fmt.Errorf("%q has a path; write scheme and host only, such as %s", text, example)
	}
	return nil
}

// prefixPath allows characters that mean the same in every URL (RFC 3986, 2.3),
// but no escapes and no doubled slashes.
var prefixPath = regexp.MustCompile(`^(/[-.~_A-Za-z0-9]+)+$`)

// Prefix checks the path below which the gate has its own addresses.
func Prefix(text string) error {
	if !prefixPath.MatchString(text) || path.Clean(text) != text {
		return fmt.Errorf("%q is not a path that the gate can have for itself; write a path without a slash at its end, such as /.authentik", text)
	}
	return nil
}

// appPath matches a path that all servers read in the same way.
var appPath = regexp.MustCompile(`^/[-._~A-Za-z0-9/]*$`)

// Path checks one path of the application.
func Path(text string) error {
	if !appPath.MatchString(text) || path.Clean(text) != strings.TrimSuffix(text, "/") && text != "/" {
		return fmt.Errorf("%q is not the path of a page; write one such as /login, without a query", text)
	}
	return nil
}

// headerName excludes characters that HTTP allows but some applications read as
// another name.
var headerName = regexp.MustCompile(`^[-._A-Za-z0-9]{1,64}$`)

// transferHeaders would break the request itself.
var transferHeaders = map[string]bool{
	"connection": true, "content-length": true, "cookie": true, "host": true, "keep-alive": true,
	"proxy-connection": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
}

// proxyHeaders are set anew by every reverse proxy, so the application never
// gets the value that the gate has set.
var proxyHeaders = map[string]bool{
	"x-forwarded-for": true, "x-forwarded-host": true, "x-forwarded-proto": true, "via": true,
}

// HeaderName checks the name of a header that tells the application who the
// visitor is.
func HeaderName(name string) error {
	if !headerName.MatchString(name) {
		return fmt.Errorf("%q cannot be the name of a header; write letters, digits and hyphens", name)
	}
	if transferHeaders[strings.ToLower(name)] {
		return fmt.Errorf("%s belongs to the transfer of the request; choose another header", name)
	}
	if proxyHeaders[strings.ToLower(name)] {
		return fmt.Errorf("%s is what reverse_proxy says of the connection, and it writes its own; choose another header, such as X-Forwarded-User", name)
	}
	return nil
}
