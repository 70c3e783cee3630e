package signon

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestForm_IsSentInTheEncodingThatABrowserTakes: by the page's header, by the page
// itself, or as the form says. A Go server reads the octets of the fields.
func TestForm_IsSentInTheEncodingThatABrowserTakes(t *testing.T) {
	t.Parallel()
	const credentials = `<input name=user><input type=password name=pass>`
	for name, tt := range map[string]struct {
		contentType, page string
		user              string
		want              string // of user, pass and other, or a part of the error
		refused           bool
	}{
		"UTF-8":                   {"text/html; charset=utf-8", `<form method=post>` + credentials + `<input type=hidden name=other value="ü">`, "zoë", "zoë 猫 ü", false},
		"Latin-1":                 {"text/html; charset=iso-8859-1", "<form method=post>" + credentials + "<input type=hidden name=other value='\xfc'>", "zoë", "zo\xeb - \xfc", false},
		"Latin-1 by the page":     {"text/html", `<meta charset=latin1><form method=post>` + credentials, "zoë", "zo\xeb - ", false},
		"nothing said":            {"text/html", `<form method=post>` + credentials, "zoë", "zo\xeb - ", false},
		"nothing said, but UTF-8": {"text/html", `<p>ü<form method=post>` + credentials, "zoë", "zoë 猫 ", false},
		"Shift JIS":               {"text/html; charset=shift_jis", "<form method=post>" + credentials + "<input type=hidden name=other value='\x94\x4c'>", "jane", "jane \x94\x4c \x94\x4c", false},
		"UTF-16":                  {"text/html; charset=utf-16le", inUTF16(`<form method=post>` + credentials), "zoë", "zoë 猫 ", false},
		"the form accepts":        {"text/html; charset=iso-8859-1", `<form method=post accept-charset="x-none UTF-8">` + credentials, "zoë", "zoë 猫 ", false},
		"the form asks":           {"text/html; charset=windows-1252", `<form method=post>` + credentials + `<input type=hidden name=other value="&#x732B;"><input type=hidden name=_charset_>`, "zoë", "zo\xeb - &#29483;windows-1252", false},
		"no such characters":      {"text/html; charset=iso-8859-1", `<form method=post>` + credentials, "猫", "windows-1252", true},
		"several parts":           {"text/html; charset=utf-8", `<form method=post enctype=multipart/form-data>` + credentials + `<input type=hidden name=other value="a&amp;b">`, "zoë", "zoë 猫 a&b", false},
		"several Latin-1 parts":   {"text/html; charset=iso-8859-1", `<form method=post enctype=multipart/form-data>` + credentials, "zoë", "zo\xeb - ", false},
	} {
		password := "猫"
		if strings.Contains(tt.want, " - ") {
			password = "-"
		}
		text, charset, err := asText([]byte(tt.page), tt.contentType)
		if err != nil {
			t.Fatal(err)
		}
		d, err := readDocument(text)
		if err != nil {
			t.Fatal(err)
		}
		form, err := loginFormOf(d, "pass")
		if err != nil {
			t.Errorf("%s: got error %v, want none", name, err)
			continue
		}
		filled, err := form.fill(tt.user, password, fields)
		if err != nil {
			t.Fatal(err)
		}
		body, contentType, err := form.encode(filled, charset, tt.user, password)
		if tt.refused {
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), tt.user) {
				t.Errorf("%s: got %v, want an error with %q and without the name", name, err, tt.want)
			}
			continue
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", contentType)
		if got := r.FormValue("user") + " " + r.FormValue("pass") + " " + r.FormValue("other") + r.FormValue("_charset_"); err != nil || got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, tt.want)
		}
		if several := strings.HasPrefix(contentType, multiparts); several != strings.Contains(tt.page, multiparts) {
			t.Errorf("%s: got %s, want the encoding of the form", name, contentType)
		}
	}
}

// inUTF16 writes ASCII text in UTF-16, the lower octet first.
func inUTF16(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		_, _ = fmt.Fprintf(&b, "%c\x00", c)
	}
	return b.String()
}

// TestForm_WithAQuoteInANameStaysOnePart: a field cannot write headers of its part.
func TestForm_WithAQuoteInANameStaysOnePart(t *testing.T) {
	t.Parallel()
	body, _, err := asParts(map[string][]string{"a\"; filename=\"x\r\nContent-Type: y": {"1", "2"}})
	if got := string(body); err != nil || strings.Count(got, `name="a%22; filename=%22x%0D%0AContent-Type: y"`) != 2 {
		t.Errorf("got %q (%v), want two parts with the name escaped", got, err)
	}
}
