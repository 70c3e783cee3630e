package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// mistakes are all the things that are wrong with a configuration. Whoever
// writes one wants to mend them in one go.
type mistakes []error

// Error puts each mistake on a line of its own.
func (m mistakes) Error() string {
	if len(m) == 1 {
		return m[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d mistakes", len(m))
	for _, err := range m {
		b.WriteString("\n\t- " + strings.ReplaceAll(err.Error(), "\n", "\n\t  "))
	}
	return b.String()
}

// Unwrap returns the mistakes for errors.Is and errors.As.
func (m mistakes) Unwrap() []error { return m }

// and returns the mistakes with one more, if there is one.
func (m mistakes) and(err error) mistakes {
	if err == nil {
		return m
	}
	return append(m, err)
}

// or returns the mistakes as an error, or nil if there are none.
func (m mistakes) or() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// A contradiction is a mistake that lies in several options, with the one that it shows at.
type contradiction struct {
	option string
	err    error
}

var errNoURL = errors.New("url is missing; write where authentik is: authentik https://auth.example.com")

// checkToldHost refuses a name for authentik that authentik itself takes for
// no name, and says which option it came from: the framework under authentik
// holds host names to RFC 1123, which knows no underscore, and answers 404 to
// everything, which nobody understands. Where there is a public_url, authentik
// is told the name in that one.
func (h *Handler) checkToldHost() (option string, wrong error) {
	option, told, advice := "public_url", h.PublicURL, "give it a name without one"
	if told == "" {
		option, told = "url", h.URL
		advice += ", or write the address that browsers use as public_url"
	}
	u, err := url.Parse(told)
	if err != nil || !strings.Contains(u.Hostname(), "_") {
		return option, nil
	}
	return option, fmt.Errorf("%s: the host %q has an underscore, and authentik answers 404 to every request for such a host; %s",
		option, u.Hostname(), advice)
}

// address returns a check for an address that is written like an example.
func address(like string) func(string) error {
	return func(text string) error {
		u, err := url.Parse(text)
		text = text[strings.LastIndex(text, "@")+1:] // not to repeat a password
		switch {
		case err != nil:
			return fmt.Errorf("%q is no address; write one like %s", text, like)
		case u.Scheme != "http" && u.Scheme != "https":
			return fmt.Errorf("%q does not begin with http:// or https://; write one like %s", text, like)
		case u.Hostname() == "":
			return fmt.Errorf("%q names no host; write one like %s", text, like)
		case u.User != nil:
			return errors.New("a username or password in the address is never used; leave it out")
		case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
			return fmt.Errorf("%q goes on after the path; leave out what begins with ? or #", text)
		}
		return nil
	}
}

func checkOrigin(text string) error {
	const like = "https://app.example.com"
	if err := address(like)(text); err != nil {
		return err
	}
	if u, err := url.Parse(text); err != nil || u.Path != "" {
		return fmt.Errorf("%q has a path; write scheme and host alone, as %s", text, like)
	}
	return nil
}

func checkSlug(text string) error {
	if !(flowclient.Flow{Slug: text}).Valid() {
		return fmt.Errorf("%q is no slug; write what authentik shows as slug: letters, digits, - and _", text)
	}
	return nil
}

// oneOf returns a check for one of a few words.
func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if slices.Contains(words, text) {
			return nil
		}
		return fmt.Errorf("%q is not known; write one of %s%s", text, strings.Join(words, ", "), meant(text, words))
	}
}

func checkText(text string) error {
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, isControl) {
		return errors.New("this text is blank or has control characters; write a line of plain text")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func checkLogo(text string) error {
	if strings.HasPrefix(text, "data:image/") {
		return nil
	}
	return address("https://www.example.com/logo.svg")(text)
}

func checkStyle(text string) error {
	if path.Ext(text) != ".css" {
		return fmt.Errorf("%q is no style sheet; write the path of a file such as /etc/caddy/signin.css", text)
	}
	return nil
}

func checkTemplates(text string) error {
	if path.Ext(text) == ".html" {
		return fmt.Errorf("%q is a template; write the directory that it is in", text)
	}
	return checkText(text)
}

// atLeast returns a check for a duration of some length, and says of shorter
// ones what they are.
func atLeast(least time.Duration, short, like string) func(string) error {
	return func(text string) error {
		d, err := caddy.ParseDuration(text)
		switch {
		case err != nil:
			return fmt.Errorf("%q is no duration; write for example 90m, 24h or 7d", text)
		case d < least:
			return fmt.Errorf("%q is %s; write for example %s", text, short, like)
		}
		return nil
	}
}

// mostPerUser is how many sessions of a user can be kept count of.
const mostPerUser = 1000

func checkMaxPerUser(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 0 || n > mostPerUser || strconv.Itoa(n) != text {
		return fmt.Errorf("%q is no number of sessions; write one from 1 to %d, or leave it out for no limit", text, mostPerUser)
	}
	return nil
}

// leastKey is how many characters a configured key must have. In hexadecimal
// digits, the poorest way to write random bytes, they hold 128 bits.
const leastKey = 32

// checkKey must not repeat the key in what it says.
func checkKey(text string) error {
	if len(text) < leastKey {
		return fmt.Errorf("it has %d characters and needs %d; make one with: openssl rand -hex 32", len(text), leastKey)
	}
	return nil
}

var cookieName = regexp.MustCompile(`^[-.~_A-Za-z0-9]{1,64}$`)

func checkCookieName(text string) error {
	switch {
	case !cookieName.MatchString(text):
		return fmt.Errorf("%q cannot be the name of a cookie; write letters, digits, - and _", text)
	case strings.HasPrefix(text, "__"):
		return fmt.Errorf("%q begins as the names do that browsers have rules for; leave out __Host- or __Secure-, the gate puts it there", text)
	}
	return nil
}

var domainName = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$`)

func checkDomain(text string) error {
	_, err := netip.ParseAddr(text)
	switch {
	case err == nil:
		return fmt.Errorf("%q is an address, and a cookie of an address has no domain; leave domain out", text)
	case strings.HasPrefix(text, "."):
		return fmt.Errorf("%q begins with a dot; write %s", text, strings.TrimLeft(text, "."))
	case !domainName.MatchString(strings.ToLower(text)):
		return fmt.Errorf("%q is no domain that can share cookies; write the name above your hosts, as example.com", text)
	}
	return nil
}

var prefixPath = regexp.MustCompile(`^(/[-.~_A-Za-z0-9]+)+$`)

func checkPrefix(text string) error {
	if !prefixPath.MatchString(text) || path.Clean(text) != text {
		return fmt.Errorf("%q is no path the gate could have for itself; write a path without a slash at its end, as /.authentik", text)
	}
	return nil
}

// neverOwn are headers that belong to the transfer itself or to the gate.
var neverOwn = []string{
	"Connection", "Content-Length", "Cookie", "Host", "Keep-Alive", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// headerName leaves out what HTTP would allow and some application would read
// as something else.
var headerName = regexp.MustCompile(`^[-._A-Za-z0-9]{1,64}$`)

// checkHeader knows more claims where there is OpenID Connect.
func checkHeader(own Header, oidc bool) error {
	switch {
	case !headerName.MatchString(own.Name):
		return fmt.Errorf("%q cannot be the name of a header", own.Name)
	case slices.Contains(neverOwn, http.CanonicalHeaderKey(own.Name)):
		return errors.New("this header belongs to the transfer itself; choose another")
	case own.Value == "":
		return errors.New("it says nothing; write a claim, as username, or a text with placeholders")
	case own.isText():
		return checkPlaceholders(own.Value, oidc)
	}
	return checkClaim(own.Value, oidc)
}
