package page

import (
	"html/template"
	"net/url"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A duoView sets up the Duo app. The page waits until Duo confirms it.
type duoView struct {
	// Picture is nil if the content does not fit into a QR code.
	Picture *qrCode
	// Link opens the app on this device.
	Link template.URL
}

// drawAuthenticatorDuo draws the QR code itself. Loading Duo's picture would tell
// Duo the visitor's address before they use the app.
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

// duoContent returns the content of Duo's QR code, or the link.
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

// readAuthenticatorDuo reads that the visitor has finished. The caller has to ask
// whether Duo agrees before it answers authentik: otherwise the flow would end.
func readAuthenticatorDuo(flowclient.AuthenticatorDuo, Form) (flowclient.Answer, *Mistake) {
	return flowclient.AuthenticatorDuoAnswer{}, nil
}
