package flowclient

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

// seed adds all samples. It fails without samples.
func seed(f *testing.F) {
	f.Helper()
	for _, release := range releases {
		for _, raw := range samples(f, release) {
			f.Add(raw)
		}
	}
}

func FuzzDecode(f *testing.F) {
	seed(f)
	f.Add([]byte(`{"component":"ak-stage-identification","sources":[{"challenge":{"sources":[{}]}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ch, err := Decode(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(ch.Common().Raw, raw) {
			t.Error("got other raw bytes")
		}
		again, err := Decode(ch.Common().Raw)
		if err != nil || !reflect.DeepEqual(ch, again) {
			t.Errorf("got another challenge from the same bytes: %v", err)
		}
		if r, ok := ch.(Redirect); ok {
			_ = r.Class()
			if fl, ok := r.Flow(); ok && !fl.Valid() {
				t.Errorf("got a redirect to the invalid flow %q", fl.Slug)
			}
		}
	})
}

func FuzzStepRoundTrip(f *testing.F) {
	for _, release := range releases {
		for _, raw := range samples(f, release) {
			f.Add(raw, "login", "next=%2F", "value", "https://auth.example.com/", true)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, slug, query, cookie, root string, lost bool) {
		ch, err := DecodeAt(raw, root)
		if err != nil {
			return
		}
		for _, s := range []string{slug, query, cookie, root} {
			if !utf8.ValidString(s) {
				return // Not a text that HTTP or JSON can carry.
			}
		}
		roundTrip(t, Step{Flow: Flow{slug, query}, Challenge: ch, Cookies: Cookies{"c": cookie}, Root: root, Lost: lost})
	})
}

func FuzzStepFromAnything(f *testing.F) {
	f.Add([]byte(`{"flow":{"slug":"a"},"challenge":"{\"component\":\"ak-stage-password\"}","cookies":{"a":"b"}}`))
	f.Add([]byte(`{"cookies":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s Step
		if json.Unmarshal(raw, &s) == nil {
			roundTrip(t, s)
		}
	})
}

func FuzzCookies(f *testing.F) {
	f.Add("authentik_session=a.b.c; Max-Age=0; expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=b; Path=/")
	f.Add(session("a", true), `authentik_session=""; Max-Age=0`)
	f.Fuzz(func(t *testing.T, first, second string) {
		before := Cookies{sessionCookie: token("a", false), "x": "y"}
		after := before.After(setting(first, second), time.Unix(1_800_000_000, 0))
		if after.tooMany() || len(before) != 2 {
			t.Errorf("got %d cookies, want no more than the bound; %d before", len(after), len(before))
		}
		_, _ = after.claims()
		_ = before.replaced(after, true)
		_ = after.withCSRF()
	})
}

func FuzzRedirect(f *testing.F) {
	f.Add("https://auth.example.com/auth/", "/auth/if/flow/x/?a=b")
	f.Add("", `/\evil.example.com`)
	f.Fuzz(func(t *testing.T, root, to string) {
		r, ok := resolveRedirects(Redirect{To: to}, root).(Redirect)
		if !ok {
			t.Fatal("got another type of challenge")
		}
		if r.Path != "" && r.Path[0] != '/' {
			t.Errorf("got path %q, want one below the root", r.Path)
		}
		if fl, ok := r.Flow(); ok && !fl.Valid() {
			t.Errorf("got invalid flow %q", fl.Slug)
		}
	})
}
