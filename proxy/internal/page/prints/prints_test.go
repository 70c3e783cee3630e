package prints

import (
	"bytes"
	"html/template"
	"strings"
	"testing"
)

// page uses what a gap is for: values of quoted attributes.
var page = template.Must(template.New("").Parse(
	`<body data-afresh="{{.B}}"><input value="{{.A}}"><p>{{.C}}</p><input value="{{.B}}"><input value="{{.A}}"></body>`))

func drawn(t testing.TB, a, b, c string) string {
	t.Helper()
	var out bytes.Buffer
	if err := page.Execute(&out, map[string]string{"A": a, "B": b, "C": c}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrint_IsThePageThatIsDrawn(t *testing.T) {
	t.Parallel()
	marks := Marks(2)
	p := New(drawn(t, marks[0], marks[1], "text"), marks)
	for _, value := range []string{
		"", "/", "plain", `/a?b=c&d=e+f`, `"><script>alert(1)</script>`, `' onload='x`, "\x00", "\xff\xfe", "a\nb\tc", "ä€😀",
		"/%2B&amp;&#34;", "`{{.}}`", marks[0], marks[1], marks[0] + marks[1],
	} {
		if got, want := string(p.Fill(value, "-"+value)), drawn(t, value, "-"+value, "text"); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestPrint_WithoutGapsIsThePage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x"} {
		if got := string(New(text, Marks(3)).Fill("a", "b", "c")); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
}

func TestMarks_Differ(t *testing.T) {
	t.Parallel()
	marks := append(Marks(50), Marks(50)...)
	for i, mark := range marks {
		for _, other := range marks[i+1:] {
			if strings.Contains(other, mark) || strings.Contains(mark, other) {
				t.Errorf("got %s and %s, want marks that do not contain each other", mark, other)
			}
		}
	}
}

func FuzzFill(f *testing.F) {
	marks := Marks(2)
	p := New(drawn(f, marks[0], marks[1], ""), marks)
	f.Add("/a", `"`)
	f.Add("\x00", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if got, want := string(p.Fill(a, b)), drawn(t, a, b, ""); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
