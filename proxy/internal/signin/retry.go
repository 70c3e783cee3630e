package signin

import (
	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/exchange"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

// retryable recognizes answers that authentik ends with a page of its own or an
// error, where a message beside the form would do: a wrong device code, and a
// push while Duo cannot be reached. The plan is still there, other devices
// included.
func retryable(answer flowclient.Answer, step flowclient.Step) (*page.Mistake, bool) {
	switch step.Challenge.(type) {
	case flowclient.Shell:
		return &page.Mistake{Field: "code", Name: "device_code_wrong"}, answer.Component() == flowclient.ComponentDeviceCode
	case flowclient.FlowError:
		return &page.Mistake{Name: "duo_unknown"}, pushes(answer)
	default:
		return nil, false
	}
}

// retry asks for the challenge once more, and says what was wrong with the last
// answer if it is the same again.
func (h *Handler) retry(x *exchange.Exchange, vis Visit, cookies flowclient.Cookies, wrong *page.Mistake) Outcome {
	asked := vis.Step.Challenge.Component()
	vis.Step.Cookies = cookies
	out := h.Look(x, vis, vis.Step.Flow)
	if out.Err == nil && out.Admitted == nil && out.Visit.Step.Challenge.Component() == asked {
		out.mistake = wrong
	}
	return out
}
