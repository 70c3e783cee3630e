package page

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/csp"
)

// An autosubmitView is a form that is sent to another site.
type autosubmitView struct {
	Address, Text string
	Hidden        []namedValue
}

// drawAutosubmit allows forms to that site only. The browser has to send the
// form itself, since the site sets its own cookies.
func drawAutosubmit(c flowclient.Autosubmit, d *draft) any {
	d.defaultHeading(c.Title)
	d.defaultHeading(d.text("autosubmit_title"))
	origin := originOf(c.URL)
	if origin == "" {
		d.Template = "redirect.html"
		return redirectView{Words: []string{d.text("redirect_forbidden")}}
	}
	host := hostOf(c.URL)
	d.Lead = d.text("autosubmit_lead", "Host", host)
	d.allow(csp.Policy{Forms: []string{origin}})
	d.addScript("send.js")
	page := autosubmitView{Address: c.URL, Text: d.text("autosubmit_go", "Host", host)}
	for _, name := range slices.Sorted(maps.Keys(c.Attrs)) {
		page.Hidden = append(page.Hidden, namedValue{name, c.Attrs[name]})
	}
	return page
}

// A frameView is a check that only authentik's own page can run.
type frameView struct{ Words []string }

// drawFrame offers to continue without the check, which authentik allows. A later
// policy may ask for its result.
func drawFrame(_ flowclient.Frame, d *draft) any {
	d.defaultHeading(d.text("frame_title"))
	return frameView{Words: []string{d.text("frame_lead"), d.text("frame_without")}}
}

func readFrame(flowclient.Frame, Form) (flowclient.Answer, *Mistake) {
	return flowclient.FrameAnswer{}, nil
}

// An agentView asks the agent on the visitor's device through its browser
// extension.
type agentView struct {
	// Challenge is sent to the agent. Seconds is how long to wait for it.
	Challenge string
	Seconds   int
}

// maxAgentWait is in seconds.
const maxAgentWait = 60

// drawEndpointAgent asks the agent with a script. Without scripts the visitor can
// only continue without it.
func drawEndpointAgent(c flowclient.EndpointAgent, d *draft) any {
	d.defaultHeading(d.text("agent_title"))
	d.addScript("agent.js")
	page := agentView{Challenge: c.Challenge, Seconds: min(int(c.ChallengeIdleTimeout/time.Second), maxAgentWait)}
	if page.Seconds <= 0 {
		page.Seconds = 5 // authentik's default
	}
	return page
}

// maxAgentResponse is in bytes.
const maxAgentResponse = 64 << 10

// readEndpointAgent treats a missing response as a device without an agent.
func readEndpointAgent(_ flowclient.EndpointAgent, form Form) (flowclient.Answer, *Mistake) {
	response := form.Get("response")
	switch {
	case len(response) > maxAgentResponse:
		return nil, mistake("response", "agent_unread")
	case response == "":
		return flowclient.EndpointAgentAnswer{}, nil
	}
	return flowclient.EndpointAgentAnswer{Response: &response}, nil
}

// A logoutView signs the visitor out of applications, each in a frame or, if
// Frames is false, in a separate tab.
type logoutView struct {
	Words  []string
	Frames bool
	Told   []logoutTarget
	// Alone reports that no application is left, and that the page continues by
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
		d.allow(csp.Policy{Frames: []string{origin}})
		if target.Post {
			d.allow(csp.Policy{Forms: []string{origin}})
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

// drawSAMLNativeLogout opens the application in a separate tab: at the end it
// leads to authentik's host, where the browser has no session.
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
		d.allow(csp.Policy{Forms: []string{origin}})
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

// targetName returns the name of an application, or its host if there is no
// name.
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
	for _, origin := range csp.Origins(address) {
		return origin
	}
	return ""
}
