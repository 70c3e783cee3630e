package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// prompted is a site whose sign-in begins with a form. What the form brings is
// given to check, which says whether it will do.
func prompted(t testing.TB, check func(map[string]any) bool, fields ...authentiktest.Field) *site {
	t.Helper()
	form := &authentiktest.PromptStage{Fields: fields, Policies: []authentiktest.Policy{{
		Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
			data, _ := r.Context["prompt_data"].(map[string]any)
			return check(data), []string{"Not that one."}, nil
		},
	}}}
	return setup{scheme: "https", authentik: authentiktest.Config{Flows: []authentiktest.Flow{{
		Slug: loginFlow, Title: "Welcome", Bindings: []authentiktest.Binding{
			{Stage: form},
			{Stage: &authentiktest.IdentificationStage{UserFields: []string{"username"}}},
			{Stage: &authentiktest.PasswordStage{}},
			{Stage: &authentiktest.UserLoginStage{}},
		},
	}}}}.site(t)
}

// choose writes a file and chooses it, as from the browser's own window.
func (w *window) choose(t testing.TB, name string, content []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	w.do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}))
}

func TestAFileIsSentFromChromium(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		var mu sync.Mutex
		var got []string
		s := prompted(t, func(data map[string]any) bool {
			mu.Lock()
			defer mu.Unlock()
			file, _ := data["picture"].(string)
			got = append(got, file)
			return len(got) > 1
		}, authentiktest.Field{Key: "picture", Label: "Picture", Type: authentiktest.FieldFile, SubText: "A <b>small</b> one"})
		chromium(t)
		w := newWindow(t, s.address)
		if !scripts {
			w.withoutScripts()
		}
		w.do(chromedp.Navigate(s.address+"/"), chromedp.WaitVisible(chromedp.CSS("input[type=file]")))

		w.choose(t, "big.png", make([]byte, 20<<20))
		w.press("form button")
		w.hears("#f0-wrong", "all files together may have 8 MB")

		picture := []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 5<<20))
		w.choose(t, "small.png", picture)
		w.press("form button")
		w.hears(".alert", "Not that one.")
		w.hears("#f0-hint", "choose it again")

		w.choose(t, "small.png", picture)
		w.press("form button")
		w.see("#uid")
		want := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
		mu.Lock()
		if len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("with scripts %v: authentik got %d files, the last of %d bytes", scripts, len(got), len(got[len(got)-1]))
		}
		mu.Unlock()
		w.quiet()
	}
}

// TestAnAdministratorsHTMLDoesNothing draws what would run, load or send something.
func TestAnAdministratorsHTMLDoesNothing(t *testing.T) {
	t.Parallel()
	const hostile = `<h1>Hello</h1><script>window.ran = 1</script><img src=x onerror="window.ran = 2"><svg onload="window.ran = 3"></svg>
		<style>main { display: none }</style><a id="never" href="javascript:window.ran = 4">x</a><iframe srcdoc="<script>parent.ran = 5</script>"></iframe>
		<p style="position: fixed; inset: 0" class="alert" onclick="window.ran = 6">Click</p></div></form><form action="/stolen"><input name="stolen"></form>
		<math><mtext><table><mglyph><style><img src=x onerror="window.ran = 7">`
	s := prompted(t, func(map[string]any) bool { return true },
		authentiktest.Field{Key: "text", Type: authentiktest.FieldStatic, Initial: hostile},
		authentiktest.Field{Key: "name", Label: "Name", SubText: hostile, Order: 1})
	chromium(t)
	w := newWindow(t, s.address)
	w.do(chromedp.Navigate(s.address+"/"), chromedp.WaitVisible(chromedp.CSS("#f1")))
	w.press(".rich p")
	alive, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](`"ran" in window || document.querySelectorAll("form").length != 1 ||
		document.querySelector("#never, main iframe, main style, main [style], main [onclick], [name=stolen]") != null`))
	if err != nil || alive {
		t.Errorf("the text is alive: %v, %v", alive, err)
	}
	if got := w.text(".rich h2"); got != "Hello" {
		t.Errorf("the heading reads %q", got)
	}
	w.do(chromedp.SendKeys(chromedp.CSS("#f1"), "x"))
	w.press("form button")
	w.see("#uid")
	w.quiet()
	if seen := s.app.requests(); len(seen) != 0 {
		t.Errorf("the application was asked for %s", seen[0].URL)
	}
}
