package rules_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func TestAmbiguousMethod_IsWhatFrameworksReadAnotherMethodFrom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		query  string
		want   bool
	}{
		"nothing":                     {nil, "", false},
		"other headers":               {http.Header{"Accept": {"*/*"}, "X-Forwarded-Method": {"DELETE"}, "Access-Control-Request-Method": {"DELETE"}, "X-Override": {"x"}}, "", false},
		"the usual header":            {http.Header{"X-Http-Method-Override": {"DELETE"}}, "", true},
		"of Microsoft":                {http.Header{"X-Http-Method": {"MERGE"}}, "", true},
		"of IBM":                      {http.Header{"X-Method-Override": {"PUT"}}, "", true},
		"in another spelling":         {http.Header{"x_http.method-OVERRIDE": {"PUT"}}, "", true},
		"the same method":             {http.Header{"X-Http-Method-Override": {"post "}}, "", false},
		"the same method and another": {http.Header{"X-Http-Method-Override": {"POST", "PUT"}}, "", true},
		"an empty header":             {http.Header{"X-Http-Method-Override": {""}}, "", true},
		"a broken escape":             {nil, "a=b&%zz=1", true},
		"harmless parameters":         {nil, "payment_method=visa&shipping-method=x&method=x&a=_method", false},
		"_method":                     {nil, "a=b&_method=DELETE", true},
		"_method, escaped":            {nil, "a=b&%5Fm%65thod=DELETE", true},
		"_method, in a list":          {nil, "_method[]=DELETE", true},
		"_method, after a semicolon":  {nil, "a=b;_method=DELETE", true},
		"PHP reads a dot so":          {nil, ".method=DELETE", true},
		"without a value":             {nil, "_METHOD", true},
		"a header's name":             {nil, "X-HTTP-Method-Override=PUT", true},
	} {
		if got := rules.AmbiguousMethod(http.MethodPost, tt.header, &url.URL{Path: "/"}, &url.URL{Path: "/", RawQuery: tt.query}); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
