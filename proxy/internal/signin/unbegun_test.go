package signin

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestUnbegun_ChangedFirstChallengeIsNoticed(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	vis := Visit{Step: stepOf(t, flow, `{"component":"ak-stage-identification"}`)}
	broken := stepOf(t, flow, `{"component":"ak-stage-flow-error"}`)
	answer := flowclient.IdentificationAnswer{UID: "jane"}
	if changed(vis, answer, broken) {
		t.Error("got another question from an error in a visit that has begun, want the same")
	}
	vis.Step.Cookies = nil
	if !changed(vis, answer, broken) {
		t.Error("got the error at the first answer, want another question")
	}
	if changed(vis, answer, stepOf(t, flow, `{"component":"ak-stage-access-denied"}`)) {
		t.Error("got a refusal asked again, want it shown")
	}
}
