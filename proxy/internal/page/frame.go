package page

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// Framed is what stands in a frame whose page asks for a sign-in: no sign-in of ours can be framed.
type FrameLinks struct {
	// SignIn is where a window of its own signs in. It is empty in a frame of another site, which would not hear of it.
	SignIn string
	// Own is the page that was asked for, as a window of its own shows it.
	Own string
}

// Framed draws the page that a frame is shown in the place of one that asks for a sign-in. It has no links of the brand's,
// which would be followed inside the frame, and takes the focus from nobody.
//
// This page alone may be framed, by anybody: the gate does not know who frames the application, and a list of hosts in the
// policy (frame-ancestors) would have to be the operator's. Nothing is to be had by a visitor's click that another site
// has led astray: it opens a window, in which the browser shows the address; the page tells nothing about
// the visitor, has no form and changes nothing.
func (p *Pages) Framed(w http.ResponseWriter, r *http.Request, f FrameLinks, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	d.allow(policy{framable: true})
	d.addScript("framed.js")
	d.Layout, d.Links = "framed", nil
	d.Template, d.Heading, d.Stage = "framed.html", d.text("framed_title"), f
	d.setTitle()
	_ = p.write(w, d, http.StatusUnauthorized) // tried by a test: what is left is a browser that went away
}

// Arrived says, in the window that a frame has opened, that somebody is signed in. Its script tells the frame and closes the
// window.
func (p *Pages) SignedInFromFrame(w http.ResponseWriter, r *http.Request, who string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.addScript("arrived.js")
	p.drawEnding(w, d, http.StatusOK, "framed_done", endingView{
		Words: []string{d.text("account", "Name", who), d.text("framed_close")},
	})
}
