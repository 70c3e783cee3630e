package page

import (
	"maps"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An Autosubmit is a form that goes to another site.
type autosubmitView struct {
	Address, Text string
	Hidden        []namedValue
}

// showAutosubmit lets the page send to that site alone. The browser must do it: the site
// sets cookies of its own.
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

// A Frame is a check that only authentik's own page can make.
type frameView struct{ Words []string }

// showFrame offers to go on without the check, which authentik allows: a policy that
// comes later may miss what the check would have found.
func drawFrame(_ flowclient.Frame, d *draft) any {
	d.defaultHeading(d.text("frame_title"))
	return frameView{Words: []string{d.text("frame_lead"), d.text("frame_without")}}
}

func readFrame(flowclient.Frame, Form) (flowclient.Answer, *Mistake) {
	return flowclient.FrameAnswer{}, nil
}

// An Agent asks the agent on the visitor's device, by way of its browser extension.
type agentView struct {
	// Challenge is for the agent, and Seconds how long to wait for it.
	Challenge string
	Seconds   int
}

// maxAgentWait bounds how long the page waits, in seconds.
const maxAgentWait = 60

// showEndpointAgent waits for the agent by a script. Without one nobody can ask it.
func drawEndpointAgent(c flowclient.EndpointAgent, d *draft) any {
	d.defaultHeading(d.text("agent_title"))
	d.addScript("agent.js")
	page := agentView{Challenge: c.Challenge, Seconds: min(int(c.ChallengeIdleTimeout/time.Second), maxAgentWait)}
	if page.Seconds <= 0 {
		page.Seconds = 5 // as authentik has it
	}
	return page
}

// maxAgentResponse bounds what an agent says, in bytes.
const maxAgentResponse = 64 << 10

// readEndpointAgent takes no response for no agent.
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
