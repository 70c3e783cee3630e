package proxy

import (
	"bytes"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

func TestAPictureIsFetchedOnlyByANameThatTheGateHasMade(t *testing.T) {
	t.Parallel()
	mine, other := newPictureSeal(ring(1)), newPictureSeal(ring(2))
	name := mine.seal("/static/logo.svg?token=x")
	if address, ok := mine.unseal(name); !ok || address != "/static/logo.svg?token=x" {
		t.Fatalf("%q, %t", address, ok)
	}
	if name != mine.seal("/static/logo.svg?token=x") {
		t.Error("the name changes, so no browser could keep the picture")
	}
	_, text, _ := strings.Cut(name, ".")
	for _, forged := range []string{other.seal("/static/logo.svg?token=x"), "." + text, text, "", "x." + text, name + "A"} {
		if _, ok := mine.unseal(forged); ok {
			t.Errorf("%q is believed", forged)
		}
	}
}

func ring(b byte) seal.Key { return seal.NewKey(bytes.Repeat([]byte{b}, seal.MinKey)) }
