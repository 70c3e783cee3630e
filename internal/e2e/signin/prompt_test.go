package signin

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
	"github.com/flowsidecar/caddy-authentik/internal/e2e/chromium"
	"github.com/flowsidecar/caddy-authentik/internal/testsite/inprocess"
)

// startPrompt starts a site whose sign-in begins with a form. check says
// whether authentik accepts what the form brings.
func startPrompt(t testing.TB, check func(map[string]any) bool, fields ...authentiktest.Field) *inprocess.Site {
	t.Helper()
	form := &authentiktest.PromptStage{Fields: fields, Policies: []authentiktest.Policy{{
		Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
			data, _ := r.Context["prompt_data"].(map[string]any)
			return check(data), []string{"Not that one."}, nil
		},
	}}}
	return inprocess.Start(t, form, &authentiktest.IdentificationStage{UserFields: []string{"username"}},
		&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{})
}

// chooseFile writes a file and chooses it, as in the browser's own dialog.
func chooseFile(w *chromium.Window, name string, content []byte) {
	w.Helper()
	path := filepath.Join(w.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.Fatal(err)
	}
	w.Do(chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}))
}

func TestPrompt_FileIsSent(t *testing.T) {
	t.Parallel()
	for name, scripts := range map[string]bool{"with scripts": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var got []string
			s := startPrompt(t, func(data map[string]any) bool {
				mu.Lock()
				defer mu.Unlock()
				file, _ := data["picture"].(string)
				got = append(got, file)
				return len(got) > 1
			}, authentiktest.Field{Key: "picture", Label: "Picture", Type: authentiktest.FieldFile, SubText: "A <b>small</b> one"})
			w := chromium.Open(t, s.Address)
			if !scripts {
				w.DisableScripts()
			}
			w.Open("/")
			w.Await("input[type=file]")

			chooseFile(w, "big.png", make([]byte, 20<<20))
			w.Click("form button")
			w.AwaitText("#f0-wrong", "together they can have up to 8 MB")

			picture := []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 5<<20))
			chooseFile(w, "small.png", picture)
			w.Click("form button")
			w.AwaitText(".alert", "Not that one.")
			w.AwaitText("#f0-hint", "choose the file again")

			chooseFile(w, "small.png", picture)
			w.Click("form button")
			w.Await("#uid")
			want := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
			mu.Lock()
			defer mu.Unlock()
			if len(got) != 2 || got[0] != want || got[1] != want {
				t.Errorf("got %d files at authentik, the last of %d bytes; want the picture twice", len(got), len(got[len(got)-1]))
			}
			w.CheckQuiet()
		})
	}
}

// TestPrompt_HTMLOfAdministratorsDoesNothing draws what would run, load or send
// something.
func TestPrompt_HTMLOfAdministratorsDoesNothing(t *testing.T) {
	t.Parallel()
	const hostile = `<h1>Hello</h1><script>window.ran = 1</script><img src=x onerror="window.ran = 2"><svg onload="window.ran = 3"></svg>
		<style>main { display: none }</style><a id="never" href="javascript:window.ran = 4">x</a><iframe srcdoc="<script>parent.ran = 5</script>"></iframe>
		<p style="position: fixed; inset: 0" class="alert" onclick="window.ran = 6">Click</p></div></form><form action="/stolen"><input name="stolen"></form>
		<math><mtext><table><mglyph><style><img src=x onerror="window.ran = 7">`
	s := startPrompt(t, func(map[string]any) bool { return true },
		authentiktest.Field{Key: "text", Label: "Text", Type: authentiktest.FieldStatic, Initial: hostile},
		authentiktest.Field{Key: "name", Label: "Name", SubText: hostile, Order: 1})
	w := chromium.Open(t, s.Address)
	w.Open("/")
	w.Await("#f1")
	w.Click(".rich p")
	if w.True(`"ran" in window || document.querySelectorAll("form").length != 1 ||
		document.querySelector("#never, main iframe, main style, main [style], main [onclick], [name=stolen]") != null`) {
		t.Error("got HTML that does something, want text")
	}
	if got := w.Text(".rich h2"); got != "Hello" {
		t.Errorf("got the heading %q, want Hello", got)
	}
	w.Type("#f1", "x")
	w.Click("form button")
	w.Await("#uid")
	w.CheckQuiet()
	if seen := s.App.Requests(); len(seen) != 0 {
		t.Errorf("got a request for %s at the application, want none", seen[0].URL)
	}
}
