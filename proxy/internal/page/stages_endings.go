package page

import (
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// showAccessDenied shows authentik's reason. The flow's own title would bid
// welcome, so it does not stand above a refusal.
func showAccessDenied(c flowclient.AccessDenied, d *draft) any {
	d.Heading = d.say.say("denied")
	d.Lead = d.say.say("denied_lead")
	if strings.TrimSpace(c.Message) != "" {
		d.Alerts = append(d.Alerts, c.Message)
	}
	return Ending{Links: []Way{{Text: d.say.say("try_again"), Address: d.Afresh, Focus: true}}}
}

// showFlowError shows the number by which the administrator finds the cause, and
// never the cause itself.
func showFlowError(c flowclient.FlowError, d *draft) any {
	d.Heading = d.say.say("flow_error")
	page := Ending{
		Words: []string{d.say.say("flow_error_none")},
		Links: []Way{{Text: d.say.say("try_again"), Address: d.Afresh, Focus: true}},
	}
	if c.RequestID != "" {
		page.Words = []string{d.say.say("flow_error_lead")}
		page.Facts = []Fact{{d.say.say("request_id"), c.RequestID}}
	}
	return page
}

func showSessionEnd(c flowclient.SessionEnd, d *draft) any {
	d.heading(d.say.say("end_title"))
	page := Ending{Words: []string{d.say.say("end_some")}}
	if c.ApplicationName != "" {
		page.Words[0] = d.say.say("end_app", "Name", c.ApplicationName)
	}
	if c.BrandName != "" {
		page.Words = append(page.Words, d.say.say("end_all", "Name", c.BrandName))
	}
	if to := webAddress(c.ApplicationLaunchURL); to != "" && c.ApplicationName != "" {
		page.Links = append(page.Links, Way{Text: d.say.say("open_application", "Name", c.ApplicationName), Address: to, Away: true, Focus: true})
	}
	page.Links = append(page.Links, Way{Text: d.say.say("sign_in_again"), Address: d.Afresh, Quiet: true, Focus: len(page.Links) == 0})
	if c.InvalidationFlowURL != "" {
		page.Forms = append(page.Forms, d.flowForm("invalidation", d.signOutOf(c.BrandName)))
	}
	return page
}

// signOutOf says what a sign-out of everything is called.
func (d *draft) signOutOf(brand string) string {
	if brand == "" {
		return d.say.say("sign_out")
	}
	return d.say.say("end_out", "Name", brand)
}

// flowForm is a button that leads into another flow, in the same sign-in.
func (d *draft) flowForm(kind, text string) Way {
	return Way{Text: text, Address: d.Action, Quiet: true, Hidden: []Fact{
		{"visit", d.Visit}, {"to", d.Back}, {"component", d.Component}, {"flow", kind},
	}}
}

// showDeviceCodeFinish says that it is done, where the flow's title would stand.
func showDeviceCodeFinish(_ flowclient.DeviceCodeFinish, d *draft) any {
	d.Heading = d.say.say("device_done")
	d.Lead = d.say.say("device_done_lead")
	return Ending{Links: []Way{{Text: d.say.say("sign_in"), Address: d.Afresh, Quiet: true, Focus: true}}}
}

// A Redirect leads to another site and, afterwards, on with the sign-in.
type Redirect struct {
	Words []string
	// Address is empty where no browser should be led.
	Address, Text string
}

// showRedirect draws a redirect that has not ended the flow: the visitor goes
// there and comes back. No other scheme than the web's becomes a link.
func showRedirect(c flowclient.Redirect, d *draft) any {
	d.heading(d.say.say("redirect_title"))
	switch c.Class() {
	case flowclient.RedirectExternal:
		return leadTo(c.To, d)
	case flowclient.RedirectSource:
		return showSourceRedirect(c, d)
	case flowclient.RedirectScheme:
		return Redirect{Words: []string{d.say.say("redirect_scheme")}}
	case flowclient.RedirectForbidden:
		return Redirect{Words: []string{d.say.say("redirect_forbidden")}}
	default:
		return Redirect{Words: []string{d.say.say("redirect_inside")}}
	}
}

func leadTo(to string, d *draft) any {
	if strings.HasPrefix(to, "//") {
		to = "https:" + to
	}
	if to = webAddress(to); to == "" {
		return Redirect{Words: []string{d.say.say("redirect_forbidden")}}
	}
	return Redirect{
		Words: []string{d.say.say("redirect_lead")}, Address: to,
		Text: d.say.say("continue_at", "Host", hostOf(to)),
	}
}

// showShell shows the words of authentik's page, and nothing else of it: it has
// scripts in it.
func showShell(c flowclient.Shell, d *draft) any {
	d.Heading = d.say.say("flow_error")
	page := Away{Words: []string{d.say.say("shell_lead")}}
	if said := shellWords(c.Body); said != "" {
		page.Words = append(page.Words, d.say.say("shell_says"), said)
	}
	return page
}

// maxShell bounds how much of authentik's page is shown, in letters.
const maxShell = 600

// shellWords are the words of a page: its title, and what browsers would show.
func shellWords(body string) string {
	words := []rune(wordsOf(body))
	if len(words) > maxShell {
		return strings.TrimSpace(string(words[:maxShell])) + "…"
	}
	return string(words)
}
