package page

import (
	"strconv"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// A Logout tells applications that the visitor has signed out, each in a frame
// or, where Frames is false, in a tab of its own.
type logoutView struct {
	Words  []string
	Frames bool
	Told   []logoutTarget
	// Alone has the page go on by itself, as nothing is left to be told.
	Alone bool
}

// A Told is one application that is told.
type logoutTarget struct {
	// Name is the application's, Frame the name of the frame it is told in.
	Name, Frame string
	// Address is asked for or, where Post is set, sent a form with the fields in Hidden.
	Address string
	Post    bool
	Hidden  []namedValue
}

// showIframeLogout lets the page frame, and send forms to, the applications that authentik
// names, and no others.
func drawIframeLogout(c flowclient.IframeLogout, d *draft) any {
	d.Heading = d.text("logout_title")
	d.addScript("logout.js")
	page := logoutView{Frames: true, Words: []string{d.text("logout_frames")}}
	var unsafe bool
	for i, to := range c.LogoutURLs {
		told := logoutTarget{Name: targetName(to.ProviderName, to.URL), Frame: "logout-" + strconv.Itoa(i), Address: to.URL}
		told.Post = to.Binding == "post" && (to.SAMLRequest != "" || to.SAMLResponse != "")
		told.Hidden = samlFields(to.SAMLRequest, to.SAMLResponse, to.SAMLRelayState)
		origin := originOf(to.URL)
		if origin == "" {
			unsafe = true
			continue
		}
		page.Told = append(page.Told, told)
		d.allow(policy{frames: []string{origin}})
		if told.Post {
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

// showSAMLNativeLogout opens the application in a tab of its own: its way back leads to
// authentik's host, where nobody knows of this visit.
func drawSAMLNativeLogout(c flowclient.SAMLNativeLogout, d *draft) any {
	d.Heading = d.text("logout_title")
	told := logoutTarget{Address: c.RedirectURL, Post: c.SAMLBinding == "post"}
	if told.Post {
		told.Address, told.Hidden = c.PostURL, samlFields(c.SAMLRequest, c.SAMLResponse, c.SAMLRelayState)
	}
	told.Name = targetName(c.ProviderName, told.Address)
	origin := originOf(told.Address)
	switch {
	case c.IsComplete:
		d.addScript("logout.js")
		return logoutView{Words: []string{d.text("logout_none")}, Alone: true}
	case origin == "":
		d.Alerts = append(d.Alerts, d.text("logout_unsafe"))
		return logoutView{}
	case told.Post:
		d.allow(policy{forms: []string{origin}})
	}
	return logoutView{Words: []string{d.text("logout_tab", "Name", told.Name)}, Told: []logoutTarget{told}}
}

func readSAMLNativeLogout(flowclient.SAMLNativeLogout, Form) (flowclient.Answer, *Mistake) {
	return flowclient.SAMLNativeLogoutAnswer{}, nil
}

// samlFields are the fields of a form of SAML's (Bindings, 3.5.4).
func samlFields(request, response, state string) []namedValue {
	var fields []namedValue
	for _, f := range []namedValue{{"SAMLRequest", request}, {"SAMLResponse", response}, {"RelayState", state}} {
		if f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// called is what an application is called: by its name or, without one, its host.
func targetName(name, address string) string {
	if name != "" {
		return name
	}
	return hostOf(address)
}

// originOf is the origin of an address that a browser may be sent to, as a policy
// names it; empty where it must not be.
func originOf(address string) string {
	if webAddress(address) == "" {
		return ""
	}
	for _, origin := range origins(address) {
		return origin
	}
	return ""
}
