package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func hung(t testing.TB) *Gallery {
	t.Helper()
	g, err := New(os.DirFS("../page/testdata"))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGallery_HasEveryPageAtItsName(t *testing.T) {
	t.Parallel()
	g := hung(t)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	if len(g.Names()) < 300 {
		t.Errorf("got %d pages, want at least 300", len(g.Names()))
	}
	for _, path := range append(g.Names(), "", ".authentik/brand/background", ".authentik/assets/style.css") {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s: got status %d, %v, want the page", path, res.StatusCode, err)
		}
	}
}

func TestDistinct_HasFewerThanHalfOfThePages(t *testing.T) {
	t.Parallel()
	names, err := hung(t).Distinct()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(hung(t).Names()); len(names) < 20 || len(names) > n/2 {
		t.Errorf("got %d pages of %d, want some and less than half", len(names), n)
	}
}

func TestMoulds_IgnoreTexts(t *testing.T) {
	t.Parallel()
	for name, pages := range map[string][2]string{
		"other words":     {`<p class="a">x</p>`, `<p class="a">y</p>`},
		"more of a pair":  {`<ul><li><b>x</b></li><li><b>y</b></li></ul>`, `<ul><li><b>x</b></li><li><b>y</b></li><li><b>z</b></li></ul>`},
		"another field":   {`<input name="field.a">`, `<input name="field.b">`},
		"another address": {`<a href="/a">x</a>`, `<a href="/b">x</a>`},
	} {
		if a, b := mouldsOf(t, pages[0]), mouldsOf(t, pages[1]); !maps.Equal(a, b) {
			t.Errorf("%s: got %v and %v, want them equal", name, a, b)
		}
	}
	for name, pages := range map[string][2]string{
		"another class": {`<p class="a">x</p>`, `<p class="b">x</p>`},
		"another place": {`<p></p><b></b><i></i>`, `<p></p><i></i><b></b>`},
	} {
		if a, b := mouldsOf(t, pages[0]), mouldsOf(t, pages[1]); maps.Equal(a, b) {
			t.Errorf("%s: got %v for both, want them different", name, a)
		}
	}
}

func mouldsOf(t testing.TB, page string) map[string]bool {
	t.Helper()
	all, err := moulds(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
