package browser_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/internal/browser"
)

// A received part is one of a form with files.
type received struct{ Name, File, Type, Body string }

// uploads are the parts that a site was sent.
func uploads(t testing.TB, s *site) (all []received) {
	t.Helper()
	last := len(s.asked) - 1
	r := s.asked[last].Clone(t.Context())
	r.Body = io.NopCloser(strings.NewReader(s.forms[last]))
	parts, err := r.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := parts.NextPart()
		if err != nil {
			return all
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, received{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(body)})
	}
}

func TestForm_SendsFiles(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/page", `<form method=post action=/answer enctype="multipart/form-data"><input type=hidden name=a value=b><label for=f>File</label>
		<input id=f type=file name=file required><input type=file name=none><button name=c value=d>Go</button></form>`)
	s.page("/answer", "thanks")
	p := open(t, browser.New(transport{s}), "https://a.example.com/page")
	if name, found := p.Labelled("File"); name != "file" || !found {
		t.Errorf("got %q, %v, want the field file", name, found)
	}
	if _, err := p.Submit(t.Context(), nil, ""); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("got the error %v for a form without a required file", err)
	}
	if next := submit(t, p, browser.Fields{"file": "\x89PNG\r\n\x1a\n"}, ""); next.Text() != "thanks" || s.asked[len(s.asked)-1].Method != http.MethodPost {
		t.Fatalf("got %s, want thanks", next.Text())
	}
	want := []received{
		{"a", "", "", "b"}, {"file", "file", "image/png", "\x89PNG\r\n\x1a\n"}, {"none", "", "application/octet-stream", ""}, {"c", "", "", "d"},
	}
	if diff := cmp.Diff(want, uploads(t, s)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestForm_UnknownEncodingIsAnError(t *testing.T) {
	t.Parallel()
	s := newSite()
	s.page("/page", `<form method=post enctype="text/plain"><button>Go</button></form>`)
	p := open(t, browser.New(transport{s}), "https://a.example.com/page")
	if _, err := p.Submit(t.Context(), nil, ""); err == nil || !strings.Contains(err.Error(), "cannot send the encoding") {
		t.Errorf("got error %v, want one about the encoding", err)
	}
}
