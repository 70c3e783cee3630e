package page

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// FrameLinks are the addresses on the page that a frame gets instead of the
// sign-in page, which must not be framed.
type FrameLinks struct {
	// SignIn opens the sign-in in a window of its own. It is empty in a frame of
	// another site, which would not get the session's cookie.
	SignIn string
	// Own is the page that was asked for.
	Own string
}

// Framed draws the page for a frame in which a visitor has to sign in. It
// leaves out the brand's links, which would open inside the frame, and sets no
// focus.
//
// This is the only page that any site may frame: the gate does not know which
// sites embed the application. Clickjacking gains nothing, since a click only
// opens a window in which the browser shows the address. The page says nothing
// about the visitor, has no form and changes nothing.
func (p *Pages) Framed(w http.ResponseWriter, r *http.Request, links FrameLinks, b flowclient.Brand) {
	d := p.newDraft(r, b, false)
	d.allow(policy{framable: true})
	d.addScript("framed.js")
	d.Layout, d.Links = "framed", nil
	d.Template, d.Heading, d.Stage = "framed.html", d.text("framed_title"), links
	d.setTitle()
	_ = p.write(w, d, http.StatusUnauthorized) // as in drawEnding
}

// SignedInFromFrame draws the page in the window that a frame has opened. Its
// script tells the frame and closes the window.
func (p *Pages) SignedInFromFrame(w http.ResponseWriter, r *http.Request, username string, b flowclient.Brand) {
	d := p.newDraft(r, b, true)
	d.addScript("arrived.js")
	p.drawEnding(w, d, http.StatusOK, "framed_done", endingView{
		Words: []string{d.text("account", "Name", username), d.text("framed_close")},
	})
}
