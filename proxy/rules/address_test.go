package rules

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAmbiguous_NamesThePartsThatServersReadInTwoWays(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]Part{
		"/":                              0,
		"/admin":                         0,
		"/admin/":                        0,
		"/Admin/x.html":                  0,
		"/a%20b/%C3%A9":                  0,
		"/e%CC%81t%C3%A9/%E4%BD%A0":      0, // decomposed letters, and ideographs
		"/~jane/@x/a:b,c+d=e&f$g":        0,
		"/.well-known/x":                 0,
		"/x?a=1&b=%2F..%2F&c":            0,
		"/a%C2%A0/x":                     PartPath | PartEscapes, // a blank for NFKC
		"/a/%EF%BC%8E%EF%BC%8E/b":        PartPath | PartEscapes, // fullwidth dots
		"/%EF%BD%81dmin":                 PartPath | PartEscapes, // a fullwidth letter
		"/a%c0%afb":                      PartPath | PartEscapes, // an overlong slash
		"/a%c0%ae%c0%ae/b":               PartPath | PartEscapes,
		"/a%ff":                          PartPath | PartEscapes,
		"/a;b/c":                         PartPath | PartEscapes,
		"/a%3Bb/c":                       PartPath | PartEscapes,
		"/a%5Cb":                         PartPath | PartEscapes,
		"/a%5cb":                         PartPath | PartEscapes,
		"/a%2Fb":                         PartPath | PartEscapes,
		"/a%2fb":                         PartPath | PartEscapes,
		"/a%252Fb":                       PartPath | PartEscapes,
		"/a%00":                          PartPath | PartEscapes,
		"/a%09b":                         PartPath | PartEscapes,
		"/a%0d%0ab":                      PartPath | PartEscapes,
		"/a%3Fb":                         PartPath | PartEscapes,
		"/a%23b":                         PartPath | PartEscapes,
		"/a#b":                           PartPath | PartEscapes,
		"//a":                            PartPath | PartEscapes,
		"/a//b":                          PartPath | PartEscapes,
		"/a//":                           PartPath | PartEscapes,
		"/./a":                           PartPath | PartEscapes,
		"/a/..":                          PartPath | PartEscapes,
		"/a/../b":                        PartPath | PartEscapes,
		"/a/%2e%2e/b":                    PartPath | PartEscapes,
		"/a/...":                         PartPath | PartEscapes,
		"/a./b":                          PartPath | PartEscapes,
		"/a%20/b":                        PartPath | PartEscapes,
		"/a.":                            PartPath | PartEscapes,
		"/a::$DATA":                      PartPath | PartEscapes,
		"/%61dmin":                       PartPath | PartEscapes,
		"/%7Ejane":                       PartPath | PartEscapes,
		"*":                              PartPath | PartEscapes,
		"x:admin":                        PartPath | PartEscapes,
		"http://app.example.com":         PartPath | PartEscapes,
		"/%40x":                          PartEscapes,
		"/%28x%29":                       PartEscapes,
		"/(x)":                           0,
		"/%c3%a9":                        PartEscapes,
		"/x?a=1&a=2":                     PartQuery,
		"/x?a[]=1":                       PartQuery,
		"/x?a.b=1":                       PartQuery,
		"/x?%61=1":                       PartQuery,
		"/x?a=1;b=2":                     PartQuery,
		"/x?a=%zz":                       PartQuery,
		"/x?a=%00":                       PartQuery,
		"/x?a=%2":                        PartQuery,
		"/x?=1":                          PartQuery,
		"/x?a=1&":                        PartQuery,
		"/x?" + strings.Repeat("&a", 99): PartQuery,
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Errorf("%s: got error %v, want none", target, err)
			continue
		}
		if got := Ambiguous(u, "app.example.com:8443"); got != want {
			t.Errorf("%s: got %04b, want %04b", target, got, want)
		}
		if got := AmbiguousPath(u); got != (want&PartPath != 0) {
			t.Errorf("%s: got path ambiguous: %v, want %v", target, got, !got)
		}
	}
}

func TestAmbiguous_HostsAreNamesAndAddresses(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"app.example.com": false, "APP.example.com:443": false, "a_b.example.com": false, "xn--bcher-kva.example": false,
		"192.0.2.1:80": false, "[2001:db8::1]": false, "[2001:db8::1]:8443": false,
		"": true, ":80": true, "app.example.com.": true, "app.example.com.:443": true, "x@app.example.com": true,
		"bücher.example": true, "app.example.com%00": true, "app.example.com/x": true, "a,b": true,
	} {
		if got := Ambiguous(&url.URL{Path: "/"}, host) == PartHost; got != want {
			t.Errorf("%q: got ambiguous %v, want %v", host, got, want)
		}
	}
}

// Every request that needs no sign-in is looked at.
func TestAmbiguous_AllocatesNothing(t *testing.T) {
	u, err := url.ParseRequestURI("/assets/a%20b/(x)/app.js?v=1&lang=en")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { Ambiguous(u, "app.example.com:8443") }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

// TestAmbiguous_QueryIsReadToItsBound: a client can send a query with as many
// parameters as its server allows, and the gate looks at it for every request.
func TestAmbiguous_QueryIsReadToItsBound(t *testing.T) {
	query := url.Values{}
	for i := range maxNames + 1 {
		query.Set("n"+strconv.Itoa(i), "1")
	}
	u := &url.URL{Path: "/", RawQuery: query.Encode() + strings.Repeat("&a", 500_000)}
	quickest := func(work func()) time.Duration {
		best := time.Hour
		for range 20 {
			began := time.Now()
			work()
			best = min(best, time.Since(began))
		}
		return best
	}
	reading := quickest(func() { Ambiguous(u, "app.example.com") })
	if splitting := quickest(func() { _ = strings.Split(u.RawQuery, "&") }); reading > splitting {
		t.Errorf("got %v for a query with too many parameters, want less than the %v in which it can be split", reading, splitting)
	}
	if Ambiguous(u, "app.example.com") != PartQuery {
		t.Error("got a query with too many parameters that is not ambiguous, want it to be")
	}
}
