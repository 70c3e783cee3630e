package page

import (
	"maps"
	"slices"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// An Autosubmit is a form that goes to another site.
type Autosubmit struct {
	Address, Text string
	Hidden        []Fact
}

// showAutosubmit lets the page send to that site alone. The browser must do it: the site
// sets cookies of its own.
func showAutosubmit(c flowclient.Autosubmit, d *draft) any {
	d.heading(c.Title)
	d.heading(d.say.say("autosubmit_title"))
	origin := originOf(c.URL)
	if origin == "" {
		d.Template = "redirect.html"
		return Redirect{Words: []string{d.say.say("redirect_forbidden")}}
	}
	host := hostOf(c.URL)
	d.Lead = d.say.say("autosubmit_lead", "Host", host)
	d.allow(policy{forms: []string{origin}})
	d.run("send.js")
	page := Autosubmit{Address: c.URL, Text: d.say.say("autosubmit_go", "Host", host)}
	for _, name := range slices.Sorted(maps.Keys(c.Attrs)) {
		page.Hidden = append(page.Hidden, Fact{name, c.Attrs[name]})
	}
	return page
}

// A Frame is a check that only authentik's own page can make.
type Frame struct{ Words []string }

// showFrame offers to go on without the check, which authentik allows: a policy that
// comes later may miss what the check would have found.
func showFrame(_ flowclient.Frame, d *draft) any {
	d.heading(d.say.say("frame_title"))
	return Frame{Words: []string{d.say.say("frame_lead"), d.say.say("frame_without")}}
}

func readFrame(flowclient.Frame, Form) (flowclient.Answer, *Mistake) {
	return flowclient.FrameAnswer{}, nil
}

// An Agent asks the agent on the visitor's device, by way of its browser extension.
type Agent struct {
	// Challenge is for the agent, and Seconds how long to wait for it.
	Challenge string
	Seconds   int
}

// maxAgentWait bounds how long the page waits, in seconds.
const maxAgentWait = 60

// showEndpointAgent waits for the agent by a script. Without one nobody can ask it.
func showEndpointAgent(c flowclient.EndpointAgent, d *draft) any {
	d.heading(d.say.say("agent_title"))
	d.run("agent.js")
	page := Agent{Challenge: c.Challenge, Seconds: min(int(c.ChallengeIdleTimeout/time.Second), maxAgentWait)}
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
