package page

import (
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// A captchaView is drawn by the provider's script. Ours puts the token into the
// form.
type captchaView struct {
	// Script is the address of the provider's script, SiteKey its parameter.
	Script, SiteKey string
	// Field is the name of the hidden field for the token.
	Field string
	// Visible reports that the captcha always has something to click. Otherwise
	// the provider asks only visitors that it distrusts.
	Visible bool
	// Alone reports that the form has nothing else in it. It is then sent as
	// soon as there is a token.
	Alone bool
	// Wrong lists authentik's errors about the last token.
	Wrong []string
}

// drawCaptcha draws a captcha on its own page.
func drawCaptcha(c flowclient.Captcha, d *draft) any {
	page, ok := newCaptcha(c, "token", d)
	if !ok {
		return d.elsewhere("asks_captcha")
	}
	d.setTask(d.text("captcha_lead"))
	page.Alone = true
	return page
}

// newCaptcha adds a captcha to the page. If ok is false, no browser should load
// its script.
func newCaptcha(c flowclient.Captcha, field string, d *draft) (*captchaView, bool) {
	script, more, ok := csp.Captcha(c.JSURL, d.pages.cfg.Root)
	if !ok {
		return nil, false
	}
	d.allow(more)
	d.addScript("captcha.js")
	return &captchaView{Script: script, SiteKey: c.SiteKey, Field: field, Visible: c.Interactive, Wrong: d.takeErrors(field)}, true
}

// readCaptcha passes the token on unchanged: only the provider can check it.
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
