package signin

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestAQuestionThatWantsToBeAskedFirstIsAsked(t *testing.T) {
	t.Parallel()
	flow := flowclient.Flow{Slug: "login"}
	vis := Visit{Step: stepOf(t, flow, `{"component":"ak-stage-identification"}`)}
	broken := stepOf(t, flow, `{"component":"ak-stage-flow-error"}`)
	answer := flowclient.IdentificationAnswer{UID: "jane"}
	if changed(vis, answer, broken) {
		t.Error("an error in a visit that has begun is taken for another question")
	}
	vis.Step.Cookies = nil
	if !changed(vis, answer, broken) {
		t.Error("an error at the first answer is shown, though nothing was asked before")
	}
	if changed(vis, answer, stepOf(t, flow, `{"component":"ak-stage-access-denied"}`)) {
		t.Error("a refusal is asked for again")
	}
}
