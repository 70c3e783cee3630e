package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/headers"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/user"
)

// HeaderPreset names a set of headers that tell the application who the
// visitor is.
type HeaderPreset string

// The presets.
const (
	// HeadersRemote sets Remote-User, Remote-Name, Remote-Email and Remote-Groups.
	HeadersRemote HeaderPreset = "remote"
	// HeadersAuthentik sets the names that authentik's own proxy outpost sends.
	HeadersAuthentik HeaderPreset = "authentik"
	// HeadersOff sets none.
	HeadersOff HeaderPreset = "off"
)

// HeaderConfig says what the application is told.
type HeaderConfig struct {
	// Preset is the set to begin with. Default: HeadersRemote, or, where Own has rules, HeadersOff.
	Preset HeaderPreset
	// Own adds headers to the preset, or replaces some of it.
	Own []HeaderRule
}

// A HeaderRule makes one header.
type HeaderRule struct {
	// Name is the header's name.
	Name string
	// Claim is what is known of the user: username, name, email, uid, groups,
	// id, session, attributes.<key>, access_token, or another claim of OpenID Connect by its name there. Several values are
	// separated by commas, or by what the name ends with: groups|.
	Claim string
	// Value makes the header's value anew for each request, in place of Claim.
	Value func(*http.Request, Session) string
}

// maxHeader is the length that a header's value may have. Longer ones are left
// out, since cutting one off could leave a name that is somebody else's.
const maxHeader = 4 << 10

// preset names and claims, in the order in which they are set.
var presets = map[HeaderPreset][]HeaderRule{
	HeadersRemote: {
		{Name: "Remote-User", Claim: "username"},
		{Name: "Remote-Name", Claim: "name"},
		{Name: "Remote-Email", Claim: "email"},
		{Name: "Remote-Groups", Claim: "groups"},
	},
	HeadersAuthentik: {
		{Name: "X-Authentik-Username", Claim: "username"},
		{Name: "X-Authentik-Groups", Claim: "groups|"},
		{Name: "X-Authentik-Email", Claim: "email"},
		{Name: "X-Authentik-Name", Claim: "name"},
		{Name: "X-Authentik-Uid", Claim: "uid"},
		{Name: "X-Authentik-Entitlements", Claim: "entitlements|"}, // by OpenID Connect, where that scope is asked for
	},
	HeadersOff: nil,
}

// reserved is the beginning of all names that authentik's outposts use; no client has a reason to send one.
const reserved = "x-authentik-"

func (c HeaderConfig) check() []error {
	var errs []error
	if _, ok := presets[c.preset()]; !ok {
		errs = append(errs, fmt.Errorf("proxy: %q is no set of headers; there are remote, authentik and off", c.Preset))
	}
	for _, rule := range c.Own {
		if !validHeaderName(rule.Name) {
			errs = append(errs, fmt.Errorf("proxy: %q cannot be the name of a header", rule.Name))
		}
		if rule.Claim == "" && rule.Value == nil {
			errs = append(errs, fmt.Errorf("proxy: header %s needs a claim or a value", rule.Name))
		}
		if unsafeHeaders[textproto.CanonicalMIMEHeaderKey(rule.Name)] {
			errs = append(errs, fmt.Errorf("proxy: header %s belongs to HTTP itself and cannot tell who the visitor is", rule.Name))
		}
	}
	return errs
}

func (c HeaderConfig) preset() HeaderPreset {
	switch {
	case c.Preset != "":
		return c.Preset
	case len(c.Own) > 0:
		return HeadersOff
	default:
		return HeadersRemote
	}
}

func validHeaderName(name string) bool {
	return name != "" && len(name) <= maxName &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// unsafeHeaders would break the request itself.
var unsafeHeaders = map[string]bool{
	"Host": true, "Connection": true, "Content-Length": true, "Transfer-Encoding": true, "Te": true,
	"Trailer": true, "Upgrade": true, "Cookie": true, "Keep-Alive": true, "Proxy-Connection": true,
}

// errIdentity says why an identity could not be prepared.
var errIdentity = errors.New("proxy: header is longer than 4 KiB and left out")

// An identity tells the application who the visitor is, and keeps everybody
// else from telling it.
type identity struct {
	rules  []HeaderRule
	names  map[string]bool // folded, see fold
	firsts [256]bool       // what a name that matters can begin with, as it is written
}

// maxName is the longest name that is folded. Longer ones are no identity header of any set.
const maxName = 64

func newIdentity(c HeaderConfig) *identity {
	id := &identity{names: map[string]bool{}}
	id.begin(' ', '\t', '\r', '\n', reserved[0])
	for _, rules := range presets {
		for _, rule := range rules {
			id.protect(rule.Name)
		}
	}
	for _, rule := range c.Own {
		id.protect(rule.Name)
		rule.Name = textproto.CanonicalMIMEHeaderKey(rule.Name)
		id.rules = replaceRule(id.rules, rule)
	}
	for _, rule := range presets[c.preset()] {
		id.rules = keepRule(id.rules, rule)
	}
	return id
}

// replaceRule lets the later of two lines for one header win.
func replaceRule(rules []HeaderRule, rule HeaderRule) []HeaderRule {
	for i := range rules {
		if rules[i].Name == rule.Name {
			rules[i] = rule
			return rules
		}
	}
	return append(rules, rule)
}

// keepRule adds a preset's header unless a line of the operator's stands for it.
func keepRule(rules []HeaderRule, rule HeaderRule) []HeaderRule {
	for i := range rules {
		if rules[i].Name == rule.Name {
			return rules
		}
	}
	return append(rules, rule)
}

func (id *identity) protect(name string) {
	var buf [maxName]byte
	folded := fold(&buf, name)
	id.names[string(folded)] = true
	id.begin(folded[0])
}

// begin notes every octet that folds into one of these. Most headers of most
// requests are done with after a look at their first.
func (id *identity) begin(folded ...byte) {
	for written := range 256 {
		if slices.Contains(folded, foldOctet(byte(written))) {
			id.firsts[written] = true
		}
	}
}

// fold spells a header's name as the least careful application reads it: CGI
// and its heirs take "-", "_" and "." for the same, and no case counts. It
// returns nothing for names too long to matter.
func fold(buf *[maxName]byte, name string) []byte {
	name = textproto.TrimString(name)
	if len(name) > maxName {
		return nil
	}
	for i := range len(name) {
		buf[i] = foldOctet(name[i])
	}
	return buf[:len(name)]
}

func foldOctet(c byte) byte {
	switch {
	case c == '_' || c == '.':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	default:
		return c
	}
}

// claims reports whether a header of this name speaks of who the visitor is.
func (id *identity) claims(name string) bool {
	if name == "" || !id.firsts[name[0]] {
		return false
	}
	var buf [maxName]byte
	folded := fold(&buf, name)
	return id.names[string(folded)] ||
		len(folded) > len(reserved) && string(folded[:len(reserved)]) == reserved
}

// strip removes what a client says about who it is: headers in every
// spelling, the same as trailers, and their names in Connection, where a proxy behind would take
// them as leave to delete what the gate is about to set.
func (id *identity) strip(r *http.Request) {
	for name := range r.Header {
		if id.claims(name) {
			delete(r.Header, name)
		}
	}
	if lines := r.Header["Connection"]; len(lines) > 0 {
		r.Header["Connection"] = id.connection(lines)
	}
	id.stripTrailer(r)
	if r.Trailer != nil || len(r.TransferEncoding) > 0 {
		r.Body = trailing{ReadCloser: r.Body, strip: func() { id.stripTrailer(r) }}
	}
}

func (id *identity) stripTrailer(r *http.Request) {
	for name := range r.Trailer {
		if id.claims(name) {
			delete(r.Trailer, name)
		}
	}
}

// connection returns the lines without tokens that name an identity header.
func (id *identity) connection(lines []string) []string {
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		var tokens []string
		for token := range strings.SplitSeq(line, ",") {
			if token = textproto.TrimString(token); token != "" && !id.claims(token) {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) > 0 {
			kept = append(kept, strings.Join(tokens, ", "))
		}
	}
	return kept
}

// trailing strips trailers once they are there: net/http adds them, announced
// or not, when the body has been read.
type trailing struct {
	io.ReadCloser
	strip func()
}

// Read reads on and strips the trailers that come with the end.
func (t trailing) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil {
		t.strip()
	}
	return n, err
}

// prepare makes the headers that are the same for every request of a session.
// The names of those that had to be left out come with the error.
func (id *identity) prepare(u User, sessionID, accessToken string) ([]headers.Header, error) {
	var (
		prepared []headers.Header
		errs     []error
	)
	for _, rule := range id.rules {
		if rule.Value != nil {
			continue
		}
		value := headerText(u, sessionID, accessToken, rule.Claim)
		switch {
		case len(value) > maxHeader:
			errs = append(errs, fmt.Errorf("%s: %w", rule.Name, errIdentity))
		case value != "":
			prepared = append(prepared, headers.Header{Name: rule.Name, Value: value})
		}
	}
	return prepared, errors.Join(errs...)
}

// introduce tells the application who the visitor is. The values of all
// headers share one array that belongs to this request alone, since handlers
// behind the gate may change them in place.
func (id *identity) introduce(r *http.Request, s *session.Session) {
	values := make([]string, len(s.Headers))
	for i, h := range s.Headers {
		values[i] = h.Value
		r.Header[h.Name] = values[i : i+1 : i+1]
	}
	for _, rule := range id.rules {
		if rule.Value == nil {
			continue
		}
		if value := encode(rule.Value(r, Session{s}), ""); value != "" && len(value) <= maxHeader {
			r.Header[rule.Name] = []string{value}
		}
	}
}

// encode makes a value that any header can carry: what is not printable ASCII,
// the percent sign, and whatever is in without, is percent-encoded as UTF-8 (RFC
// 3986, 2.1). So CR, LF and NUL never pass, and a separator inside a name cannot make two of it.
func encode(value, without string) string {
	if !strings.ContainsFunc(value, func(c rune) bool { return encoded(c, without) }) {
		return value
	}
	var b strings.Builder
	for _, c := range value {
		if !encoded(c, without) {
			b.WriteRune(c)
			continue
		}
		for _, octet := range []byte(string(c)) {
			fmt.Fprintf(&b, "%%%02X", octet)
		}
	}
	return b.String()
}

func encoded(c rune, without string) bool {
	return c < ' ' || c > '~' || c == '%' || strings.ContainsRune(without, c)
}

// headerText is what is known under a name, safe for a header. Several groups
// are separated by commas, or by the name's last character.
func headerText(u User, sessionID, accessToken, name string) string {
	switch name {
	case "username", "id":
		return encode(u.Username, "")
	case "name":
		return encode(u.Name, "")
	case "email":
		return encode(u.Email, "")
	case "uid":
		return encode(u.UID, "")
	case "session":
		return sessionID
	case "groups":
		return joined(u.Groups, ",")
	case "groups|":
		return joined(u.Groups, "|")
	case "access_token":
		return encode(accessToken, "")
	}
	plain, separator := strings.TrimSuffix(name, "|"), ","
	if plain != name {
		separator = "|"
	}
	if list, ok := user.Claim(u, plain).([]any); ok {
		return joined(user.Scalars(list), separator)
	}
	return encode(user.Scalar(user.Claim(u, plain)), "")
}

// joined writes a list so that no name in it can pass for two.
func joined(names []string, separator string) string {
	safe := make([]string, len(names))
	for i, name := range names {
		safe[i] = encode(name, separator)
	}
	return strings.Join(safe, separator)
}
