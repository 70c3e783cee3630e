package authentiktest

import (
	"net/url"
	"testing"
)

func TestQuery_IsReencodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                                     "",
		"query=":                               "query=",
		"query":                                "query=",
		"query=a&theme=dark":                   "query=a&theme=dark",
		"theme=dark&query=a":                   "theme=dark&query=a",
		"query=a&x=1&query=b":                  "query=b&x=1",
		"query=next%3d%252F":                   "query=next%3D%252F",
		"query=a%20b":                          "query=a+b",
		"query=~*":                             "query=~%2A",
		"query=100%":                           "query=100%25",
		"query=%zz":                            "query=%25zz",
		"query=%ff":                            "query=%EF%BF%BD",
		"query=next=/a/":                       "query=next%3D%2Fa%2F",
		url.Values{"query": {"ü=&?"}}.Encode(): url.Values{"query": {"ü=&?"}}.Encode(),
	} {
		if got := reencode(raw); got != want {
			t.Errorf("reencode(%q): got %q, want %q", raw, got, want)
		}
	}
}

func FuzzQuerySurvivesARoundTrip(f *testing.F) {
	f.Add("next=/if/user/%2F&x")
	f.Fuzz(func(t *testing.T, raw string) {
		once := reencode(raw)
		if twice := reencode(once); twice != once {
			t.Errorf("reencode(%q): got %q, then %q, want the same twice", raw, once, twice)
		}
		if sent := (url.Values{"query": {raw}}).Encode(); validUTF8(raw) && reencode(sent) != sent {
			t.Errorf("reencode of Go's %q: got %q, want it unchanged", sent, reencode(sent))
		}
	})
}

func validUTF8(s string) bool {
	for _, r := range s {
		if r == '\uFFFD' {
			return false
		}
	}
	return true
}

func TestQuery_AbsoluteAddressesAreRecognized(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"/if/user/": false, "//evil.example.net/": true, "https://a.example/": true, "https:/a": false,
		`/\evil`: false, "javascript:alert(1)": false, "dashboard": false, "//": false, "///a": false, "a:b//c": false,
		"x://y": true,
	} {
		if got := absolute(address); got != want {
			t.Errorf("absolute(%q): got %t, want %t", address, got, want)
		}
	}
}

func TestRedirect_DangerousTargetsAreErrors(t *testing.T) {
	t.Parallel()
	s := &Server{base: "/auth"}
	for to, want := range map[string]string{
		"authentik_core:if-user": "/auth/if/user/", "/a b": "/a%20b", `/\evil`: "/%5Cevil",
		"https://a.example/?x=1#y": "https://a.example/?x=1#y", "/a:b": "/a:b",
		"dashboard": "", "javascript:alert(1)/": "", "DATA:text/html,x": "", "myapp://x": "",
	} {
		got, err := resolve(s, to)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("resolve(%q): got %q (%v), want %q", to, got, err, want)
		}
	}
}
