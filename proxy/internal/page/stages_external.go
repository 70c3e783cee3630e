package page

import (
	"maps"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An autosubmitView is a form that is sent to another site.
type autosubmitView struct {
	Address, Text string
	Hidden        []namedValue
}

// drawAutosubmit allows forms to that site only. The browser has to send the
// form, since the site sets cookies of its own.
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
	d.allow(policy{forms: []string{origin}})
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
