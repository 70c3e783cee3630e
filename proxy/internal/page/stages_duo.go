package page

import (
	"html/template"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Duo has the Duo app set up. The page waits until Duo has heard of it.
type duoView struct {
	// Picture is nil where what it holds fits into no QR code.
	Picture *qrCode
	// Link opens the app on the device itself.
	Link template.URL
}

// showAuthenticatorDuo draws the QR code here. Duo's own picture would tell Duo
// where the visitor is before they have used the app.
func drawAuthenticatorDuo(c flowclient.AuthenticatorDuo, d *draft) any {
	d.setTask(d.text("duo_title"))
	var page duoView
	if u, err := url.Parse(c.ActivationCode); err == nil && u.Scheme == "duo" {
		page.Link = template.URL(c.ActivationCode) //nolint:gosec // The scheme was looked at.
	}
	if content := duoContent(c); content != "" {
		page.Picture = drawQR(content)
	}
	if page.Picture == nil && page.Link == "" {
		d.Alerts = append(d.Alerts, d.text("duo_unreadable"))
	}
	return page
}

// duoContent is what the app reads: what Duo's picture shows, or the link.
func duoContent(c flowclient.AuthenticatorDuo) string {
	u, err := url.Parse(c.ActivationBarcode)
	if err != nil {
		return c.ActivationCode
	}
	if value := u.Query().Get("value"); value != "" {
		return value
	}
	return c.ActivationCode
}

// readAuthenticatorDuo reads that the visitor is done. Whoever gives the answer to authentik
// must ask first whether Duo thinks so, too: else the flow ends there.
func readAuthenticatorDuo(flowclient.AuthenticatorDuo, Form) (flowclient.Answer, *Mistake) {
	return flowclient.AuthenticatorDuoAnswer{}, nil
}
