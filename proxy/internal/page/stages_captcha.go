package page

import (
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Captcha is the proof of being human: a script of somebody else's draws it,
// and ours puts what comes of it into the form.
type captchaView struct {
	// Script is the address of the provider's script, SiteKey what it is told.
	Script, SiteKey string
	// Field is the name of the hidden field that takes the provider's token.
	Field string
	// Visible says that there is something to click on. Otherwise the provider
	// asks only whom it distrusts.
	Visible bool
	// Alone says that the form has nothing else in it, and goes by itself.
	Alone bool
	// Wrong is what authentik says of the last one.
	Wrong []string
}

// showCaptcha draws a captcha that is a question of its own.
func drawCaptcha(c flowclient.Captcha, d *draft) any {
	page, ok := newCaptcha(c, "token", d)
	if !ok {
		return d.elsewhere("asks_captcha")
	}
	d.setTask(d.text("captcha_lead"))
	page.Alone = true
	return page
}

// captchaOf has the page run a captcha. One whose script no browser should load
// is not ok.
func newCaptcha(c flowclient.Captcha, field string, d *draft) (*captchaView, bool) {
	script, more, ok := captchaPolicy(c.JSURL, d.pages.cfg.Root)
	if !ok {
		return nil, false
	}
	d.allow(more)
	d.addScript("captcha.js")
	return &captchaView{Script: script, SiteKey: c.SiteKey, Field: field, Visible: c.Interactive, Wrong: d.takeErrors(field)}, true
}

// readCaptcha takes the token as it came: what is good is the provider's to say.
func readCaptcha(_ flowclient.Captcha, form Form) (flowclient.Answer, *Mistake) {
	token, wrong := captchaToken("token", form)
	if wrong != nil {
		return nil, wrong
	}
	return flowclient.CaptchaAnswer{Token: token}, nil
}

func captchaToken(field string, form Form) (string, *Mistake) {
	token := form.Get(field)
	if strings.TrimSpace(token) == "" {
		return "", mistake(field, "captcha_missing")
	}
	return token, nil
}

// scriptAddress is where a browser may load a provider's script from. A relative
// one is authentik's, whose address a page of authentik has.
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
