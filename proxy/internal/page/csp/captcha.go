package csp

import (
	"net/url"
	"regexp"
	"strings"
)

// policyHost matches the hosts that a policy can name: names and addresses with
// an optional port, and nothing that is part of a policy's syntax.
var policyHost = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$`)

// Captcha returns what the page of a captcha may load in addition, and the
// address of the provider's script. For the three known vendors it allows what
// their documentation asks for, and for any other the script's own origin. If
// ok is false, no browser should load the script.
func Captcha(script, authentik string) (address string, more Policy, ok bool) {
	u, ok := scriptAddress(script, authentik)
	if !ok {
		return "", Policy{}, false
	}
	for _, v := range vendors {
		if u.Scheme == "https" && v.matches(u) {
			return u.String(), v.policy, true
		}
	}
	own := []string{u.Scheme + "://" + u.Host}
	return u.String(), Policy{Scripts: own, Styles: own, Pictures: own, Frames: own, Connects: own}, true
}

// A vendor is a captcha provider that needs more than the script's origin.
type vendor struct {
	matches func(*url.URL) bool
	policy  Policy
}

// vendors are those in authentik's documentation.
var vendors = []vendor{{
	// https://docs.hcaptcha.com/#content-security-policy-settings
	matches: func(u *url.URL) bool { return u.Host == "hcaptcha.com" || strings.HasSuffix(u.Host, ".hcaptcha.com") },
	policy: Policy{
		Scripts: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"}, Styles: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"},
		Frames: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"}, Connects: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"},
	},
}, {
	// https://developers.google.com/recaptcha/docs/faq, for both of its hosts. Its
	// script adds elements with style attributes; without them the widget has no
	// size, and text fields that should be hidden are visible.
	matches: func(u *url.URL) bool {
		return strings.HasPrefix(u.Path, "/recaptcha/") &&
			(u.Host == "www.google.com" || u.Host == "www.recaptcha.net" || u.Host == "recaptcha.net")
	},
	policy: Policy{
		Scripts: append([]string{"https://www.gstatic.com/recaptcha/"}, recaptcha...), Styles: []string{"'unsafe-inline'"},
		Pictures: []string{"https://www.gstatic.com/recaptcha/"}, Connects: recaptcha,
		Frames: append([]string{"https://recaptcha.google.com/recaptcha/"}, recaptcha...),
	},
}, {
	// https://developers.cloudflare.com/turnstile/reference/content-security-policy
	matches: func(u *url.URL) bool { return u.Host == "challenges.cloudflare.com" },
	policy: Policy{
		Scripts: []string{"https://challenges.cloudflare.com"}, Frames: []string{"https://challenges.cloudflare.com"},
	},
}}

var recaptcha = []string{"https://www.google.com/recaptcha/", "https://www.recaptcha.net/recaptcha/", "https://recaptcha.net/recaptcha/"}

// scriptAddress returns the address from which a browser may load a provider's
// script. A relative address is relative to authentik.
func scriptAddress(address, authentik string) (*url.URL, bool) {
	if strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"'<>\^{|}`+"`", c) }) {
		return nil, false
	}
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return nil, false
	}
	if base, err := url.Parse(authentik); err == nil && base.Host != "" && u.Scheme == "" {
		u = base.ResolveReference(u)
	}
	if u.User != nil || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" || !policyHost.MatchString(u.Host) {
		return nil, false
	}
	u.Fragment, u.RawFragment = "", ""
	return u, true
}
