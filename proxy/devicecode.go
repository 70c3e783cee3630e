package proxy

import (
	"net/http"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/page"
)

// mistyped reports whether a device's code was a wrong one. authentik answers that with a
// page of its own in place of an error.
func mistyped(answer flowclient.Answer, step flowclient.Step) bool {
	_, shell := step.Challenge.(flowclient.Shell)
	return shell && answer.Component() == flowclient.ComponentDeviceCode
}

// retype asks for the code again. authentik shows the form to whoever asks anew.
func (g *Gate) retype(r *http.Request, at Resolved, vis visit, step flowclient.Step) outcome {
	vis.Step.Cookies = step.Cookies
	out := g.look(r, at, vis, vis.Step.Flow)
	if out.err == nil && out.admitted == nil {
		if _, again := out.visit.Step.Challenge.(flowclient.DeviceCode); again {
			out.mistake = &page.Mistake{Field: "code", Name: "device_code_wrong"}
		}
	}
	return out
}
