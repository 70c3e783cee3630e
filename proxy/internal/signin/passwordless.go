package signin

import "github.com/flowsidecar/caddy-authentik/flowclient"

// Offered returns a step as it is shown. A gate that demands a flow leaves out the
// button of another one that signs in without a password: authentik would accept
// the visitor, and the gate would not, and would ask for the name again.
func (h *Handler) Offered(step flowclient.Step) flowclient.Step {
	c, ok := step.Challenge.(flowclient.Identification)
	if !ok || h.Flow == "" || c.PasswordlessURL == "" {
		return step
	}
	if flow, ok := step.FlowAt(c.PasswordlessURL); ok && flow.Slug == h.Flow {
		return step
	}
	raw, err := without(c.Raw, "passwordless_url")
	if err != nil {
		return step // cannot happen: the challenge was read from it
	}
	c.PasswordlessURL, c.Raw = "", raw
	step.Challenge = c
	return step
}
