package qrcode

import (
	"fmt"
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestQR_EncodesItsAddress reads the picture back, module by module.
func TestQR_EncodesItsAddress(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"otpauth://totp/Example:jane.doe?secret=WTWDJ44DFJK7W64IB7PZXGTKCE44RHFX&algorithm=SHA1&digits=6&period=30&issuer=Example",
		"A", strings.Repeat("ä", 500),
	} {
		want, err := qr.Encode(content, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		got := Draw(content)
		if got.Side != want.Size+8 {
			t.Fatalf("got a side of %d modules, want %d", got.Side, want.Size)
		}
		dark := rasterised(t, got)
		for y := range got.Side {
			for x := range got.Side {
				if dark[[2]int{x, y}] != want.Black(x-4, y-4) {
					t.Fatalf("got another module at %d,%d", x, y)
				}
			}
		}
	}
	if Draw(strings.Repeat("x", 3000)) != nil {
		t.Error("got a code of a text that is too long, want none")
	}
}

// rasterised fills the rectangles of a path.
func rasterised(t testing.TB, p *Code) map[[2]int]bool {
	t.Helper()
	dark := map[[2]int]bool{}
	for _, run := range strings.Split(p.Path, "z") {
		if run == "" {
			continue
		}
		var x, y, width, back int
		if n, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &width, &back); n != 4 || err != nil || back != width {
			t.Fatalf("got the path %q, want rectangles", run)
		}
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	return dark
}
