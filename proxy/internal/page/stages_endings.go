package page

import (
	"cmp"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/markup"
)

// drawAccessDenied shows authentik's reason. The flow's title, which usually
// welcomes the visitor, is replaced.
func drawAccessDenied(c flowclient.AccessDenied, d *draft) any {
	d.Heading = d.text("denied")
	d.Lead = d.text("denied_lead")
	if strings.TrimSpace(c.Message) != "" {
		d.Alerts = append(d.Alerts, c.Message)
	}
	again := cmp.Or(d.Instead, d.text("try_again"))
	d.Instead = ""
	return endingView{Links: []action{{Text: again, Address: d.Afresh, Focus: true}}}
}

// drawFlowError shows the request ID, by which the administrator finds the cause,
// and never the cause itself.
func drawFlowError(c flowclient.FlowError, d *draft) any {
	d.Heading = d.text("flow_error")
	page := endingView{
		Words: []string{d.text("flow_error_none")},
		Links: []action{{Text: d.text("try_again"), Address: d.Afresh, Focus: true}},
	}
	if c.RequestID != "" {
		page.Words = []string{d.text("flow_error_lead")}
		page.Facts = []namedValue{{d.text("request_id"), c.RequestID}}
	}
	return page
}

func drawSessionEnd(c flowclient.SessionEnd, d *draft) any {
	d.defaultHeading(d.text("end_title"))
	page := endingView{Words: []string{d.text("end_some")}}
	if c.ApplicationName != "" {
		page.Words[0] = d.text("end_app", "Name", c.ApplicationName)
	}
	if c.BrandName != "" {
		page.Words = append(page.Words, d.text("end_all", "Name", c.BrandName))
	}
	if to := webAddress(c.ApplicationLaunchURL); to != "" && c.ApplicationName != "" {
		page.Links = append(page.Links, action{Text: d.text("open_application", "Name", c.ApplicationName), Address: to, Away: true, Focus: true})
	}
	page.Links = append(page.Links, action{Text: d.text("sign_in_again"), Address: d.Afresh, Quiet: true, Focus: len(page.Links) == 0})
	if c.InvalidationFlowURL != "" {
		page.Forms = append(page.Forms, d.flowForm("invalidation", d.signOutText(c.BrandName)))
	}
	return page
}

// signOutText is the label of the button that signs out of authentik.
func (d *draft) signOutText(brand string) string {
	if brand == "" {
		return d.text("sign_out")
	}
	return d.text("end_out", "Name", brand)
}

// flowForm returns a button that leads to another flow in the same visit.
func (d *draft) flowForm(kind, text string) action {
	return action{Text: text, Address: d.Action, Quiet: true, Hidden: []namedValue{
		{"visit", d.Visit}, {"to", d.Back}, {"component", d.Component}, {"flow", kind},
	}}
}

// drawDeviceCodeFinish replaces the flow's title with the result.
func drawDeviceCodeFinish(_ flowclient.DeviceCodeFinish, d *draft) any {
	d.Heading = d.text("device_done")
	d.Lead = d.text("device_done_lead")
	return endingView{Links: []action{{Text: d.text("sign_in"), Address: d.Afresh, Quiet: true, Focus: true}}}
}

// A redirectView leads to another site, after which the sign-in continues.
type redirectView struct {
	Words []string
	// Address is empty if no browser should go there.
	Address, Text string
}

// drawRedirect draws a redirect in the middle of a flow: the visitor follows it
// and comes back. Only web addresses become links.
func drawRedirect(c flowclient.Redirect, d *draft) any {
	d.defaultHeading(d.text("redirect_title"))
	switch c.Class() {
	case flowclient.RedirectExternal:
		return linkTo(c.To, d)
	case flowclient.RedirectSource:
		return drawSourceRedirect(c, d)
	case flowclient.RedirectScheme:
		return redirectView{Words: []string{d.text("redirect_scheme")}}
	case flowclient.RedirectForbidden:
		return redirectView{Words: []string{d.text("redirect_forbidden")}}
	default:
		return redirectView{Words: []string{d.text("redirect_inside")}}
	}
}

func linkTo(to string, d *draft) any {
	if strings.HasPrefix(to, "//") {
		to = "https:" + to
	}
	if to = webAddress(to); to == "" {
		return redirectView{Words: []string{d.text("redirect_forbidden")}}
	}
	return redirectView{
		Words: []string{d.text("redirect_lead")}, Address: to,
		Text: d.text("continue_at", "Host", hostOf(to)),
	}
}

// drawShell shows the text of authentik's page. The page itself has scripts.
func drawShell(c flowclient.Shell, d *draft) any {
	d.Heading = d.text("flow_error")
	page := elsewhereView{Words: []string{d.text("shell_lead")}}
	if text := shellText(c.Body); text != "" {
		page.Words = append(page.Words, d.text("shell_says"), text)
	}
	return page
}

// maxShellText is in characters.
const maxShellText = 600

// shellText returns the beginning of the page's text.
func shellText(body string) string {
	words := []rune(markup.Text(body))
	if len(words) > maxShellText {
		return strings.TrimSpace(string(words[:maxShellText])) + "…"
	}
	return string(words)
}
