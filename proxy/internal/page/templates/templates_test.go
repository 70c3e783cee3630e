package templates

import (
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

func TestSet_UnknownTemplateIsAnError(t *testing.T) {
	t.Parallel()
	set, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	catalogue, err := locales.New("en")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Get("nothing.html", catalogue.Choose("en", "", false)); err == nil {
		t.Error("got a template of this name, want an error")
	}
}
