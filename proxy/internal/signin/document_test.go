package signin

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestDocument_ScriptAddressIsNotPassedOn(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"javascript:alert(1)":     `{"component":"xak-flow-redirect"}`,
		"https://example.com/x":   `{"component":"xak-flow-redirect","to":"https://example.com/x"}`,
		"data:text/html,<script>": `{"component":"xak-flow-redirect"}`,
	} {
		c, err := flowclient.Decode([]byte(`{"component":"xak-flow-redirect","to":"` + to + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := presentable(c); err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", to, got, err, want)
		}
	}
}
