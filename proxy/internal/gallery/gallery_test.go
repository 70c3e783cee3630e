package main

import (
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

func TestEveryPageHangsAtItsName(t *testing.T) {
	t.Parallel()
	g := hung(t)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	if len(g.Names()) < 300 {
		t.Errorf("only %d pages", len(g.Names()))
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
			t.Errorf("%s: status %d, %v", path, res.StatusCode, err)
		}
	}
}

func TestPagesThatDifferInTheirTextsAloneAreShownOnce(t *testing.T) {
	t.Parallel()
	all, err := hung(t).Distinct()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(hung(t).Names()); len(all) < 20 || len(all) > n/2 {
		t.Errorf("%d distinct pages of %d", len(all), n)
	}
	for name, pages := range map[string][2]string{
		"other words":     {`<p class="a">x</p>`, `<p class="a">y</p>`},
		"more of a kind":  {`<ul><li>x</li></ul>`, `<ul><li>x</li><li>y</li></ul>`},
		"more of a pair":  {`<ul><li><b>x</b></li></ul>`, `<ul><li><b>x</b></li><li><b>y</b></li></ul>`},
		"another field":   {`<input name="field.a">`, `<input name="field.b">`},
		"another address": {`<a href="/a">x</a>`, `<a href="/b">x</a>`},
	} {
		if a, b := shaped(t, pages[0]), shaped(t, pages[1]); a != b {
			t.Errorf("%s: %q and %q", name, a, b)
		}
	}
	if shaped(t, `<p class="a">x</p>`) == shaped(t, `<p class="b">x</p>`) {
		t.Error("another class is the same shape")
	}
}

func shaped(t testing.TB, page string) string {
	t.Helper()
	s, err := shape(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
