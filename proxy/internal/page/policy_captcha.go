package page

import (
	"net/url"
	"regexp"
	"strings"
)

// hosts are those that may stand in a policy: names and addresses with a port,
// and nothing that a policy gives a meaning of its own.
var policyHost = regexp.MustCompile(`^(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$`)

// captchaPolicy is what the page of a captcha may load besides its own, by where
// the provider's script is: what the vendors of the three that are known ask for,
// and of any other its own origin. It also returns the address of the script. What
// no browser should load is not ok.
func captchaPolicy(script, authentik string) (address string, more policy, ok bool) {
	u, ok := scriptAddress(script, authentik)
	if !ok {
		return "", policy{}, false
	}
	for _, v := range vendors {
		if u.Scheme == "https" && v.matches(u) {
			return u.String(), v.policy, true
		}
	}
	own := []string{u.Scheme + "://" + u.Host}
	return u.String(), policy{scripts: own, styles: own, pictures: own, frames: own, connects: own}, true
}

// A vendor is a provider of captchas whose widgets need more than one origin.
type vendor struct {
	matches func(*url.URL) bool
	policy  policy
}

// vendors are those that authentik has in its documentation.
var vendors = []vendor{{
	// https://docs.hcaptcha.com/#content-security-policy-settings
	matches: func(u *url.URL) bool { return u.Host == "hcaptcha.com" || strings.HasSuffix(u.Host, ".hcaptcha.com") },
	policy: policy{
		scripts: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"}, styles: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"},
		frames: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"}, connects: []string{"https://hcaptcha.com", "https://*.hcaptcha.com"},
	},
}, {
	// https://developers.google.com/recaptcha/docs/faq, for both of its hosts. Its
	// script writes elements with style attributes into the page, without which its
	// widget has no size and its text fields are seen; it knows no other way.
	matches: func(u *url.URL) bool {
		return strings.HasPrefix(u.Path, "/recaptcha/") &&
			(u.Host == "www.google.com" || u.Host == "www.recaptcha.net" || u.Host == "recaptcha.net")
	},
	policy: policy{
		scripts: append([]string{"https://www.gstatic.com/recaptcha/"}, recaptcha...), styles: []string{"'unsafe-inline'"},
		pictures: []string{"https://www.gstatic.com/recaptcha/"}, connects: recaptcha,
		frames: append([]string{"https://recaptcha.google.com/recaptcha/"}, recaptcha...),
	},
}, {
	// https://developers.cloudflare.com/turnstile/reference/content-security-policy
	matches: func(u *url.URL) bool { return u.Host == "challenges.cloudflare.com" },
	policy: policy{
		scripts: []string{"https://challenges.cloudflare.com"}, frames: []string{"https://challenges.cloudflare.com"},
	},
}}

var recaptcha = []string{"https://www.google.com/recaptcha/", "https://www.recaptcha.net/recaptcha/", "https://recaptcha.net/recaptcha/"}
