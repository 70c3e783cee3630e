// Package headers sets request headers that tell an application who the visitor
// is, and removes such headers from what clients send.
//
// It knows the claims of a user. It knows no sessions, gates or configuration
// files, and decides about no request.
//
//   - headers.go: the options, and the Headers made from them
//   - strip.go: removing headers that a client has sent
//   - prepare.go: making the headers of a session, and setting them on its
//     requests
//   - encode.go: the encoding of values
//   - told.go: headers as an operator sees them
package headers

import (
	"cmp"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// A Preset names a set of headers.
type Preset string

// The presets.
const (
	Remote    Preset = "remote"
	Authentik Preset = "authentik"
	Off       Preset = "off"
)

// Options say which identity headers the application gets.
type Options struct {
	// Preset is the set to begin with. Default: Remote, or Off if there are rules.
	Preset Preset
	// Encoding is the encoding of values. Default: UTF8.
	Encoding Encoding
	// MaxSize is the maximum size of a value, in bytes. A header with a longer
	// value is left out. Default: DefaultSize.
	MaxSize int
	// Groups are patterns of rules.MatchesAny. The application gets only groups that
	// match one of them. Default: all groups.
	Groups []string
	// Additional are the names of headers that the attribute additionalHeaders
	// of a user may set, with the preset Authentik. Names that begin with
	// X-Authentik- need not be listed. Other names must be: a header that only
	// some users have has to be removed from all requests.
	Additional []string
	// Application is the slug of authentik's application, and ProviderKeys the
	// address of the keys that ID tokens are signed with. They may be empty.
	Application, ProviderKeys string
	// BeforeAuthentik says that the application is authentik itself. The preset
	// Authentik and headers of authentik's own pages and outposts begin alike,
	// so only the exact names of presets are removed.
	BeforeAuthentik bool
	// Rules add headers to the preset, or replace some of its headers. Of two
	// rules for one header the later one applies.
	Rules []Rule
}

// A Rule makes one header, from a claim or from each request.
type Rule struct {
	Name  string
	Claim string
	// Encoding is the encoding of the value. Default: that of the options.
	Encoding Encoding
	// Value makes the header's value for each request.
	Value func(*http.Request) string
	// Of makes the header's value for each session.
	Of func(Subject) string
}

// The bounds of a value's size, in bytes. Servers refuse requests with much
// longer headers.
const (
	MinSize     = 1 << 10
	DefaultSize = 8 << 10
	MaxSize     = 64 << 10
)

// Claims that only the preset Authentik has. An operator's rule cannot use
// them.
const (
	idToken      = "id_token"
	providerKeys = "provider keys"
	application  = "application"
)

// presets are in the order in which their headers are set.
var presets = map[Preset][]Rule{
	Remote: {
		{Name: "Remote-User", Claim: "username"},
		{Name: "Remote-Name", Claim: "name"},
		{Name: "Remote-Email", Claim: "email"},
		{Name: "Remote-Groups", Claim: "groups"},
	},
	Authentik: {
		{Name: "X-Authentik-Username", Claim: "username"},
		{Name: "X-Authentik-Groups", Claim: "groups|"},
		{Name: "X-Authentik-Email", Claim: "email"},
		{Name: "X-Authentik-Name", Claim: "name"},
		{Name: "X-Authentik-Uid", Claim: "uid"},
		{Name: "X-Authentik-Entitlements", Claim: "entitlements|"}, // with OpenID Connect, if that scope is requested
		{Name: "X-Authentik-Jwt", Claim: idToken},                  // likewise
		{Name: "X-Authentik-Meta-Jwks", Claim: providerKeys},
		{Name: "X-Authentik-Meta-App", Claim: application},
	},
	Off: nil,
}

// preset returns the preset or its default.
func (o Options) preset() Preset {
	switch {
	case o.Preset != "":
		return o.Preset
	case len(o.Rules) > 0:
		return Off
	default:
		return Remote
	}
}

// Check returns all mistakes in the options.
func (o Options) Check() (errs []error) {
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	_, known := presets[o.preset()]
	wrong(!known, "%q is not a set of headers; write remote, authentik or off", o.Preset)
	wrong(spellers[o.Encoding] == nil, "%q is not an encoding; write one of %s", o.Encoding, strings.Join(Encodings(), ", "))
	wrong(o.MaxSize != 0 && (o.MaxSize < MinSize || o.MaxSize > MaxSize),
		"a header's value cannot be bounded to %d bytes; choose a size from %d to %d", o.MaxSize, MinSize, MaxSize)
	for _, name := range o.Additional {
		wrong(o.sets(name), "header %s is set for every user already and cannot be an additional one", name)
		wrong(!validName(name) || reservedByHTTP[textproto.CanonicalMIMEHeaderKey(name)], "%q cannot be the name of an additional header", name)
	}
	wrong(len(o.Additional) > 0 && o.preset() != Authentik, "additional headers are for the preset authentik; write own rules instead")
	for _, rule := range o.Rules {
		wrong(spellers[rule.Encoding] == nil, "header %s: %q is not an encoding; write one of %s", rule.Name, rule.Encoding, strings.Join(Encodings(), ", "))
		wrong(!validName(rule.Name), "%q cannot be the name of a header", rule.Name)
		wrong(rule.Claim == "" && rule.Value == nil && rule.Of == nil, "header %s needs a claim or a value", rule.Name)
		wrong(reservedByHTTP[textproto.CanonicalMIMEHeaderKey(rule.Name)],
			"header %s belongs to HTTP itself and cannot tell who the visitor is", rule.Name)
	}
	return errs
}

// sets reports whether the preset or a rule sets a header of this name.
func (o Options) sets(name string) bool {
	return slices.ContainsFunc(slices.Concat(presets[o.preset()], o.Rules), func(rule Rule) bool { return sameName(rule.Name, name) })
}

// sameName reports whether some applications treat both names as the same.
func sameName(a, b string) bool {
	var folded, other [maxName]byte
	return string(fold(&folded, a)) == string(fold(&other, b))
}

// maxName is the maximum length of an identity header's name, in bytes.
const maxName = 64

func validName(name string) bool {
	return name != "" && len(name) <= maxName &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

// reservedByHTTP are headers whose change would break the request itself.
var reservedByHTTP = map[string]bool{
	"Host": true, "Connection": true, "Content-Length": true, "Transfer-Encoding": true, "Te": true,
	"Trailer": true, "Upgrade": true, "Cookie": true, "Keep-Alive": true, "Proxy-Connection": true,
}

// Headers strips, prepares and sets identity headers. It is immutable and safe
// for concurrent use.
type Headers struct {
	maxSize int
	groups  []string
	facts   map[string]string // by claim: the same for all users
	// additional are headers that a user's attributes set. It may be nil.
	additional map[string]bool
	encoding   Encoding

	rules    []Rule
	told     []string        // the names of headers that some users have
	presets  map[string]bool // the folded names that every gate removes, see fold; nil in Own
	names    map[string]bool // the folded names of the operator's rules and of additional headers
	outposts bool            // also remove all names that begin like those of outposts
	firsts   [256]bool       // the first octets of all names to remove
	own      *Headers        // removes only the headers that rules add; nil without any
}

// Own returns Headers that strip only the headers that the operator's rules
// set. They do not strip Authorization, which clients of another application
// may need to sign in. It returns nil if the rules set nothing.
func (h *Headers) Own() *Headers { return h.own }

// protectOwn adds a header of the operator to those that these Headers and Own
// remove.
func (h *Headers) protectOwn(name string) {
	h.protect(name)
	if sameName(name, "Authorization") {
		return
	}
	if h.own == nil {
		h.own = removing()
	}
	h.own.protect(name)
}

// removing returns Headers that protect no name yet.
func removing() *Headers {
	h := &Headers{names: map[string]bool{}}
	for _, blank := range " \t\r\n" { // some applications trim names
		h.firsts[blank] = true
	}
	return h
}

// ofPresets adds what every gate removes from requests: the headers of all
// presets, and names that begin like those of outposts.
var ofPresets = protectPresets()

func protectPresets() *Headers {
	h := removing()
	h.begin(outposts[0])
	for _, rules := range presets {
		for _, rule := range rules {
			h.protect(rule.Name)
		}
	}
	return h
}

// New makes the headers for options in which Check has found no mistake. The
// headers of all presets are removed from requests, whichever preset is set.
func New(o Options) *Headers {
	h := &Headers{maxSize: cmp.Or(o.MaxSize, DefaultSize), groups: o.Groups, encoding: cmp.Or(o.Encoding, UTF8), names: map[string]bool{}}
	h.facts = map[string]string{application: o.Application, providerKeys: o.ProviderKeys}
	h.presets, h.firsts = ofPresets.names, ofPresets.firsts
	h.outposts = !o.BeforeAuthentik
	for _, rule := range o.Rules {
		h.protectOwn(rule.Name)
		rule.Name = textproto.CanonicalMIMEHeaderKey(rule.Name)
		h.rules = replace(h.rules, rule)
	}
	for _, rule := range presets[o.preset()] {
		h.rules = keep(h.rules, rule)
	}
	for i := range h.rules {
		h.rules[i].Encoding = cmp.Or(h.rules[i].Encoding, h.encoding)
	}
	if o.preset() == Authentik {
		h.additional = map[string]bool{}
	}
	for _, name := range o.Additional {
		h.protectOwn(name)
		h.additional[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	h.tell()
	return h
}

// replace removes all but the last of several rules for one header.
func replace(rules []Rule, rule Rule) []Rule {
	for i := range rules {
		if rules[i].Name == rule.Name {
			rules[i] = rule
			return rules
		}
	}
	return append(rules, rule)
}

// keep adds a preset's header unless a rule of the operator replaces it.
func keep(rules []Rule, rule Rule) []Rule {
	for i := range rules {
		if rules[i].Name == rule.Name {
			return rules
		}
	}
	return append(rules, rule)
}
