package page

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"rsc.io/qr"
)

func TestAdministratorsHTMLBecomesText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		"plain":                         "plain",
		"Help with <b>HTML</b>":         "Help with HTML",
		"<p>one</p><p>two <i>2</i></p>": "one\ntwo 2",
		"a<br>b<br/>c":                  "a\nb\nc",
		"<ul><li>x</li><li>y</li></ul>": "x\ny",
		"a &amp; b &lt;c&gt;":           "a & b <c>",
		`See <a href="https://example.com/rules">the rules</a>.`: "See the rules (https://example.com/rules).",
		`<a href="https://a.example/">https://a.example/</a>`:    "https://a.example/",
		`<a href="javascript:alert(1)">click</a>`:                "click",
		`<a href="/local">here</a>`:                              "here",
		"a<script>alert(1)</script>b":                            "ab",
		"a<style>p{}</style>b<textarea>c</textarea>d":            "abd",
		"<script>never closed":                                   "",
		"lines\n  and   blanks":                                  "lines and blanks",
		"<img src=x onerror=alert(1)>x":                          "x",
		"1 < 2 and <notatag":                                     "1 < 2 and",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, evil := range hostile {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got := plain(in)
		if strings.Contains(got, "\n\n") || strings.TrimSpace(got) != got {
			t.Fatalf("%q has empty lines or blanks around it", got)
		}
		if utf8.ValidString(in) && !utf8.ValidString(got) {
			t.Fatalf("%q gives broken text", in)
		}
	})
}

// TestTheQRCodeIsThatOfItsAddress reads the picture back, module by module.
func TestTheQRCodeIsThatOfItsAddress(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"otpauth://totp/Example:jane.doe?secret=WTWDJ44DFJK7W64IB7PZXGTKCE44RHFX&algorithm=SHA1&digits=6&period=30&issuer=Example",
		"A", strings.Repeat("ä", 500),
	} {
		want, err := qr.Encode(content, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		got := drawQR(content)
		if got.Side != want.Size+8 {
			t.Fatalf("a side of %d for a code of %d", got.Side, want.Size)
		}
		dark := rasterised(t, got)
		for y := range got.Side {
			for x := range got.Side {
				if dark[[2]int{x, y}] != want.Black(x-4, y-4) {
					t.Fatalf("another module at %d,%d", x, y)
				}
			}
		}
	}
	if drawQR(strings.Repeat("x", 3000)) != nil {
		t.Error("a code of what fits into none")
	}
}

// rasterised fills the rectangles of a path.
func rasterised(t testing.TB, p *QR) map[[2]int]bool {
	t.Helper()
	dark := map[[2]int]bool{}
	for _, run := range strings.Split(p.Path, "z") {
		if run == "" {
			continue
		}
		var x, y, width, back int
		if n, err := fmt.Sscanf(run, "M%d %dh%dv1h-%d", &x, &y, &width, &back); n != 4 || err != nil || back != width {
			t.Fatalf("no rectangle: %q", run)
		}
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	return dark
}
