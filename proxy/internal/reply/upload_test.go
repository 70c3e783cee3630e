package reply

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/intake"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
	"github.com/google/go-cmp/cmp"
)

// A part is one of a form with files. One without a type is a value.
type part struct{ name, file, kind, body string }

// begun is the sender of a reply to a visit.
func begun() Sender { return Sender{Room: new(intake.Room), Begun: true} }

// uploaded is a request that sends a form with files.
func uploaded(t testing.TB, parts ...part) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition(p.name, p.file)}, "Content-Type": {p.kind}}
		if p.kind == "" {
			h = textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}}
		}
		w, err := form.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(w, p.body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/.authentik/login", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

func TestUpload_IsReadCompletely(t *testing.T) {
	t.Parallel()
	r := uploaded(t,
		part{name: "visit", body: "sealed"}, part{name: "field.a", body: "x"}, part{name: "field.a", body: "y"},
		part{"field.f", "a.png", "image/png", "\x89PNG"}, part{"field.empty", "b.txt", "text/plain", ""},
		part{"field.none", "", "application/octet-stream", ""})
	form, err := readForm(r, r.Body, "multipart/form-data")
	if err != nil {
		t.Fatal(err)
	}
	want := page.Form{
		Values: url.Values{"visit": {"sealed"}, "field.a": {"x", "y"}, "field.none": {""}},
		Files:  map[string]page.File{"field.f": {Type: "image/png", Body: []byte("\x89PNG")}},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if r.PostForm.Get("visit") != "sealed" || len(r.MultipartForm.File) != 1 {
		t.Errorf("got %v, %v, want the form for the next page", r.PostForm, r.MultipartForm)
	}
}

// TestUpload_TooLargeFileDoesNotHideOtherFields: the page says so itself.
func TestUpload_TooLargeFileDoesNotHideOtherFields(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", MaxForm)
	r := uploaded(t, part{name: "visit", body: "sealed"}, part{"field.f", "a", "text/plain", big}, part{"field.g", "b", "text/plain", "small"}, part{name: "to", body: "/x"})
	form, err := readForm(r, r.Body, "multipart/form-data")
	if err != nil {
		t.Fatal(err)
	}
	if form.Get("visit") != "sealed" || form.Get("to") != "/x" || string(form.Files["field.g"].Body) != "small" {
		t.Errorf("got %v, want the rest of the form", form.Values)
	}
	if f := form.Files["field.f"]; f.Limit != MaxForm || len(f.Body) > 0 {
		t.Errorf("got limit %d with %d bytes, want %d with none", f.Limit, len(f.Body), MaxForm)
	}
}

func TestForm_TooLargeOneIsRefusedWithItsCode(t *testing.T) {
	t.Parallel()
	many := make([]part, maxNames+1)
	for i := range many {
		many[i] = part{name: "x"}
	}
	urlencoded := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a="+strings.Repeat("x", MaxForm)))
	urlencoded.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	broken := uploaded(t, part{name: "a", body: "x"})
	broken.Body = io.NopCloser(strings.NewReader("--nothing of the kind"))
	unbounded := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	unbounded.Header.Set("Content-Type", "multipart/form-data")
	for name, row := range map[string]struct {
		r    *http.Request
		want fault.Code
	}{
		"a long value":        {uploaded(t, part{name: "a", body: strings.Repeat("x", MaxForm+1)}), fault.TooLarge},
		"many parts":          {uploaded(t, many...), fault.TooLarge},
		"a long plain form":   {urlencoded, fault.TooLarge},
		"a file without end":  {uploaded(t, part{"f", "a", "text/plain", strings.Repeat("x", maxSent)}), fault.TooLarge},
		"no form at all":      {broken, fault.BadRequest},
		"a form without ends": {unbounded, fault.BadRequest},
	} {
		_, _, err := Read(httptest.NewRecorder(), row.r, begun())
		if err == nil {
			t.Errorf("got no error for %s, want one", name)
			continue
		}
		if e := Unreadable(err); e.Code != row.want || !errors.Is(e, err) {
			t.Errorf("%s: %s (%v), want %s", name, e.Code, err, row.want)
		}
	}
}
