package pagefile

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/moduletest"
)

func TestPage_FilesAreReadAtTheStart(t *testing.T) {
	t.Parallel()
	dir := moduletest.Files(t, map[string]string{"own.css": "h1{color:red}", "big.css": strings.Repeat("a", maxStyle+1), "empty.css": " \n"})
	full := moduletest.Files(t, map[string]string{"own.css": strings.Repeat("a", maxStyle)})
	good := moduletest.Files(t, map[string]string{"password.html": `{{define "stage"}}{{end}}`, ".swp": "", "..data": ""})
	for name, row := range map[string]struct {
		page Page
		want string // of the mistake
	}{
		"nothing":          {Page{}, ""},
		"a style":          {Page{Style: filepath.Join(dir, "own.css")}, ""},
		"as large as may":  {Page{Style: filepath.Join(full, "own.css")}, ""},
		"no such style":    {Page{Style: filepath.Join(dir, "none.css")}, "page style: open " + dir + "/none.css: no such file or directory; write"},
		"a directory":      {Page{Style: dir}, "is a directory; write the path of a style sheet"},
		"too large":        {Page{Style: filepath.Join(dir, "big.css")}, "big.css has more than 256 KiB"},
		"nothing in it":    {Page{Style: filepath.Join(dir, "empty.css")}, "empty.css is empty"},
		"templates":        {Page{Templates: good}, ""},
		"no such place":    {Page{Templates: filepath.Join(dir, "none")}, "none: no such file or directory; write a directory"},
		"a file":           {Page{Templates: filepath.Join(dir, "own.css")}, "write a directory that Caddy may read"},
		"a misspelt name":  {Page{Templates: moduletest.Files(t, map[string]string{"pasword.html": ""})}, "page templates: there is no template pasword.html; did you mean password.html?"},
		"quite other ones": {Page{Templates: moduletest.Files(t, map[string]string{"notes.txt": ""})}, "there is no template notes.txt; remove it, or give it one of these names: address.html, "},
	} {
		looks, wrong := row.page.Read()
		switch {
		case row.want == "" && wrong != nil:
			t.Errorf("%s: %v", name, wrong)
		case row.want != "" && (len(wrong) != 1 || !strings.Contains(wrong.Error(), row.want)):
			t.Errorf("%s: %v, want %q", name, wrong, row.want)
		case (row.page.Style != "") != (looks.Style != nil) && row.want == "":
			t.Errorf("%s: %d bytes of style", name, len(looks.Style))
		}
	}
}

// TestPage_ReportsAllMistakesAtOnce: one in each file.
func TestPage_ReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	templates := moduletest.Files(t, map[string]string{"pasword.html": "", "password.html": "{{"})
	_, wrong := Page{Style: filepath.Join(templates, "none.css"), Templates: templates}.Read()
	for _, want := range []string{"page style: ", "page templates: there is no template pasword.html"} {
		if !strings.Contains(wrong.Error(), want) {
			t.Errorf("got %v, want %q as well", wrong, want)
		}
	}
}
