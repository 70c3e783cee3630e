package rules_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

func TestOverridden_IsWhatFrameworksReadSomethingElseFrom(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		header http.Header
		query  string
		want   rules.Part
	}{
		"nothing":                     {nil, "", 0},
		"other headers":               {http.Header{"Accept": {"*/*"}, "X-Forwarded-Method": {"DELETE"}, "Access-Control-Request-Method": {"DELETE"}, "X-Override": {"x"}}, "", 0},
		"the usual header":            {http.Header{"X-Http-Method-Override": {"DELETE"}}, "", rules.PartMethod},
		"of Microsoft":                {http.Header{"X-Http-Method": {"MERGE"}}, "", rules.PartMethod},
		"of IBM":                      {http.Header{"X-Method-Override": {"PUT"}}, "", rules.PartMethod},
		"in another spelling":         {http.Header{"x_http.method-OVERRIDE": {"PUT"}}, "", rules.PartMethod},
		"the same method":             {http.Header{"X-Http-Method-Override": {"post "}}, "", 0},
		"the same method and another": {http.Header{"X-Http-Method-Override": {"POST", "PUT"}}, "", rules.PartMethod},
		"an empty header":             {http.Header{"X-Http-Method-Override": {""}}, "", rules.PartMethod},
		"a broken escape":             {nil, "a=b&%zz=1", rules.PartMethod},
		"harmless parameters":         {nil, "payment_method=visa&shipping-method=x&method=x&a=_method", 0},
		"_method":                     {nil, "a=b&_method=DELETE", rules.PartMethod},
		"_method, escaped":            {nil, "a=b&%5Fm%65thod=DELETE", rules.PartMethod},
		"_method, in a list":          {nil, "_method[]=DELETE", rules.PartMethod},
		"_method, after a semicolon":  {nil, "a=b;_method=DELETE", rules.PartMethod},
		"PHP reads a dot so":          {nil, ".method=DELETE", rules.PartMethod},
		"without a value":             {nil, "_METHOD", rules.PartMethod},
		"another address":             {http.Header{"X-Original-Url": {"/admin"}}, "", rules.PartURI},
		"another address, of IIS":     {http.Header{"X-Rewrite-Url": {"/admin"}}, "", rules.PartURI},
		"another spelling of it":      {http.Header{"x_original.URL": {"/admin"}}, "", rules.PartURI},
		"the same address":            {http.Header{"X-Original-Url": {"/x"}}, "", 0},
		"the same, with the host":     {http.Header{"X-Original-Url": {"https://a.example/x"}}, "", 0},
		"another, with the host":      {http.Header{"X-Original-Url": {"https://a.example/admin"}}, "", rules.PartURI},
		"only a host":                 {http.Header{"X-Original-Url": {"https://a.example"}}, "", rules.PartURI},
		"a host in the path":          {http.Header{"X-Original-Url": {"/admin/https://a.example/x"}}, "", rules.PartURI},
		"a path that is a host":       {http.Header{"X-Original-Url": {"//admin/x"}}, "", rules.PartURI},
		"the same and another":        {http.Header{"X-Original-Url": {"/x", "/admin"}}, "", rules.PartURI},
		"addresses of other kinds":    {http.Header{"X-Forwarded-Url": {"/admin"}, "X-Original-Uri": {"/admin"}}, "", 0},
		"a header's name":             {nil, "X-HTTP-Method-Override=PUT", rules.PartMethod},
	} {
		if got := rules.Overridden(http.MethodPost, tt.header, &url.URL{Path: "/x"}, &url.URL{Path: "/x", RawQuery: tt.query}); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
	u := &url.URL{Path: "/x"}
	for _, method := range []string{"post", "Post", "dELETE"} {
		if got := rules.Overridden(method, nil, u, u); got != rules.PartMethod {
			t.Errorf("%s: got %v, want %v", method, got, rules.PartMethod)
		}
	}
	if got, want := rules.Overridden(http.MethodConnect, nil, u, u), rules.PartMethod|rules.PartUpgrade; got != want {
		t.Errorf("CONNECT: got %v, want %v", got, want)
	}
}
