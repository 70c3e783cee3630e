package proxy

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// excused knows the answers that authentik ends in a page of its own or an error,
// where a word beside the form would do: a wrong code of a device, and a push while
// Duo cannot be reached. The plan is still there, other devices included.
func excused(answer flowclient.Answer, step flowclient.Step) (*page.Mistake, bool) {
	switch step.Challenge.(type) {
	case flowclient.Shell:
		return &page.Mistake{Field: "code", Name: "device_code_wrong"}, answer.Component() == flowclient.ComponentDeviceCode
	case flowclient.FlowError:
		return &page.Mistake{Name: "duo_unknown"}, pushes(answer)
	default:
		return nil, false
	}
}

// retry asks for the question once more, and says what was wrong with the last
// answer if it is the same again.
func (g *Gate) retry(r *http.Request, at Resolved, vis visit, cookies flowclient.Cookies, wrong *page.Mistake) outcome {
	asked := vis.Step.Challenge.Component()
	vis.Step.Cookies = cookies
	out := g.look(r, at, vis, vis.Step.Flow)
	if out.err == nil && out.admitted == nil && out.visit.Step.Challenge.Component() == asked {
		out.mistake = wrong
	}
	return out
}
