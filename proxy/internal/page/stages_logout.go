package page

import (
	"strconv"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A logoutView signs the visitor out of applications, each in a frame or, if
// Frames is false, in a tab of its own.
type logoutView struct {
	Words  []string
	Frames bool
	Told   []logoutTarget
	// Alone reports that no application is left, so that the page continues by
	// itself.
	Alone bool
}

// A logoutTarget is one application.
type logoutTarget struct {
	// Name is the application's, Frame the name of its frame.
	Name, Frame string
	// Address is loaded or, if Post is set, sent a form with the fields in Hidden.
	Address string
	Post    bool
	Hidden  []namedValue
}

// drawIframeLogout allows frames of, and forms to, the applications that
// authentik names.
func drawIframeLogout(c flowclient.IframeLogout, d *draft) any {
	d.Heading = d.text("logout_title")
	d.addScript("logout.js")
	page := logoutView{Frames: true, Words: []string{d.text("logout_frames")}}
	var unsafe bool
	for i, to := range c.LogoutURLs {
		target := logoutTarget{Name: targetName(to.ProviderName, to.URL), Frame: "logout-" + strconv.Itoa(i), Address: to.URL}
		target.Post = to.Binding == "post" && (to.SAMLRequest != "" || to.SAMLResponse != "")
		target.Hidden = samlFields(to.SAMLRequest, to.SAMLResponse, to.SAMLRelayState)
		origin := originOf(to.URL)
		if origin == "" {
			unsafe = true
			continue
		}
		page.Told = append(page.Told, target)
		d.allow(policy{frames: []string{origin}})
		if target.Post {
			d.allow(policy{forms: []string{origin}})
		}
	}
	page.Alone = len(page.Told) == 0
	if unsafe {
		d.Alerts = append(d.Alerts, d.text("logout_unsafe"))
	} else if page.Alone {
		page.Words = []string{d.text("logout_none")}
	}
	return page
}

func readIframeLogout(flowclient.IframeLogout, Form) (flowclient.Answer, *Mistake) {
	return flowclient.IframeLogoutAnswer{}, nil
}

// drawSAMLNativeLogout opens the application in a tab of its own: it returns to
// authentik's host, where the browser has no session.
func drawSAMLNativeLogout(c flowclient.SAMLNativeLogout, d *draft) any {
	d.Heading = d.text("logout_title")
	target := logoutTarget{Address: c.RedirectURL, Post: c.SAMLBinding == "post"}
	if target.Post {
		target.Address, target.Hidden = c.PostURL, samlFields(c.SAMLRequest, c.SAMLResponse, c.SAMLRelayState)
	}
	target.Name = targetName(c.ProviderName, target.Address)
	origin := originOf(target.Address)
	switch {
	case c.IsComplete:
		d.addScript("logout.js")
		return logoutView{Words: []string{d.text("logout_none")}, Alone: true}
	case origin == "":
		d.Alerts = append(d.Alerts, d.text("logout_unsafe"))
		return logoutView{}
	case target.Post:
		d.allow(policy{forms: []string{origin}})
	}
	return logoutView{Words: []string{d.text("logout_tab", "Name", target.Name)}, Told: []logoutTarget{target}}
}

func readSAMLNativeLogout(flowclient.SAMLNativeLogout, Form) (flowclient.Answer, *Mistake) {
	return flowclient.SAMLNativeLogoutAnswer{}, nil
}

// samlFields returns the fields of a SAML form (Bindings, 3.5.4).
func samlFields(request, response, state string) []namedValue {
	var fields []namedValue
	for _, f := range []namedValue{{"SAMLRequest", request}, {"SAMLResponse", response}, {"RelayState", state}} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// targetName returns the name of an application, or else its host.
func targetName(name, address string) string {
	if name != "" {
		return name
	}
	return hostOf(address)
}

// originOf returns the origin of an address for a policy, or "" if browsers must
// not be sent there.
func originOf(address string) string {
	if webAddress(address) == "" {
		return ""
	}
	for _, origin := range origins(address) {
		return origin
	}
	return ""
}
