package intent

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func accepting(lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Accept"] = lines
	return r
}

func TestWantsJSON_IsTrueForClientsThatNameJSONOnly(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"application/json":                        true,
		"Application/JSON":                        true,
		"application/json; charset=utf-8":         true,
		"application/json, text/plain, */*":       true, // axios
		"application/json;q=0.9, */*;q=0.1":       true,
		"application/json;q=0.001":                true,
		"application/json;q=1.000":                true,
		", application/json ,":                    true,
		"text/html;q=0, application/json":         true,
		`text/x;a="text/html,", application/json`: true,
		"application/json;q=0":                    false,
		"application/json;q=0.000":                false,
		"application/json;q=":                     false,
		"application/json;q=2":                    false,
		"application/json;q=NaN":                  false,
		"application/json;q=1e0":                  false,
		"application/json;q=0.1;q=0":              false,
		"application/json, text/html":             false,
		"application/json, text/html;q=0.1":       false,
		"application/json, TEXT/HTML":             false,
		"text/html, application/json":             false,
		"application/json, nonsense of a kind":    false,
		`application/json, text/x;a="`:            false,
		`text/x;a="\", application/json`:          false,
		"application/json-patch+json":             false,
		"application/problem+json":                false,
		"application/*":                           false,
		"*/*":                                     false,
		"":                                        false,
		"text/plain":                              false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": false,
	} {
		if got := WantsJSON(accepting(accept)); got != want {
			t.Errorf("%s: got %t, want %t", accept, got, want)
		}
	}
}

func TestAccept_AllHeadersOfARequestCount(t *testing.T) {
	t.Parallel()
	if WantsJSON(accepting("application/json", "text/html")) {
		t.Error("got JSON although another line names a page, want a page")
	}
	if !WantsJSON(accepting("*/*", "application/json")) {
		t.Error("got a page although another line names JSON, want JSON")
	}
	if WantsJSON(accepting()) {
		t.Error("got JSON without Accept, want a page")
	}
}

func TestWantsJSON_IsFalseForPageLoads(t *testing.T) {
	t.Parallel()
	r := accepting("application/json")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	if WantsJSON(r) {
		t.Error("got JSON for a page load, want a page")
	}
}

func TestAccept_LongHeaderIsNotRead(t *testing.T) {
	t.Parallel()
	const json = "application/json,"
	if !WantsJSON(accepting(json + strings.Repeat("a/b,", (maxAccept-len(json))/4))) {
		t.Error("got a page for the longest header that is read, want JSON")
	}
	if WantsJSON(accepting(json + strings.Repeat("a/b,", maxAccept/4))) {
		t.Error("got JSON for a longer header, want a page")
	}
}

func TestAccept_QuotedCommaDoesNotSeparate(t *testing.T) {
	t.Parallel()
	got := splitList(` a;b="c,\",d" , ,e`)
	if want := []string{`a;b="c,\",d"`, "e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
