package flowclient

import (
	"net/http"
	"slices"
	"testing"
)

// TestStep_IsLedOnlyByFlowsThatLeadToOthersByThemselves counts what a demanded
// flow may have been left for.
func TestStep_IsLedOnlyByFlowsThatLeadToOthersByThemselves(t *testing.T) {
	t.Parallel()
	const other = `{"component":"xak-flow-redirect","to":"/if/flow/other/"}`
	for name, row := range map[string]struct {
		flow   Flow
		script []http.HandlerFunc
		want   []string
	}{
		"a stage of the flow":  {login, []http.HandlerFunc{says(other), says(whichSecret)}, []string{login.Slug}},
		"two flows in a row":   {login, []http.HandlerFunc{says(other), says(`{"component":"xak-flow-redirect","to":"/if/flow/third/"}`), says(whichSecret)}, []string{login.Slug, "other"}},
		"the flow itself":      {login, []http.HandlerFunc{says(`{"component":"xak-flow-redirect","to":"/if/flow/` + login.Slug + `/"}`), says(whichSecret)}, nil},
		"the executor":         {login, []http.HandlerFunc{says(`{"component":"xak-flow-redirect","to":"/api/v3/flows/executor/other/?query="}`), says(whichSecret)}, nil},
		"a flow after a login": {login, []http.HandlerFunc{says(other, session("b", true)), says(whichSecret)}, nil},
		"an address of the visitor's in the query": {
			Flow{Slug: login.Slug, Query: "next=%2Fif%2Fflow%2Fother%2F"}, []http.HandlerFunc{says(other), says(whichSecret)}, nil,
		},
		"authentik's view of the default flow": {login, []http.HandlerFunc{
			says(`{"component":"xak-flow-redirect","to":"/flows/-/default/authentication/"}`), sends("/if/flow/other/"), says(whichSecret),
		}, nil},
	} {
		f := newFake(t, row.script...)
		step, err := f.client().Answer(t.Context(), holding("a", false), row.flow, DummyAnswer{})
		shows[Password](t, step, err)
		if !slices.Equal(step.Led, row.want) {
			t.Errorf("%s: got %q, want %q", name, step.Led, row.want)
		}
	}
}
