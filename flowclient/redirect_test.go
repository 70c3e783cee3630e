package flowclient

import "testing"

func TestRedirect_Class(t *testing.T) {
	t.Parallel()
	const root = "https://auth.example.com/auth/"
	for _, c := range []struct {
		root, to string
		want     RedirectClass
	}{
		{"", "/", RedirectFinished},
		{"", "", RedirectFinished},
		{"", "/if/user/#/settings", RedirectFinished},
		{"", "/if/admin/", RedirectFinished},
		{"", "/if/flow/a-b_C9/", RedirectFlow},
		{"", "/if/flow/a/?next=%2Fif%2Fuser%2F", RedirectFlow},
		{"", "/if/flow/a", RedirectFinished},
		{"", "/if/flow/../x/", RedirectFinished},
		{"", "/x?y=/if/flow/a/", RedirectFinished},
		{"", "/api/v3/flows/executor/a/?query=", RedirectExecutor},
		{"", "/api/v3/core/users/me/", RedirectFinished},
		{"", "/flows/-/default/invalidation/", RedirectDefaultFlow},
		{"", "/flows/-/cancel/", RedirectFinished},
		{"", "/application/o/authorize/?a=b", RedirectApplication},
		{"", "/application/launch/x/", RedirectApplication},
		{"", "/source/saml/x/", RedirectSource},
		{"", "https://app.example.com/if/flow/a/", RedirectExternal},
		{"", "http://app.example.com", RedirectExternal},
		{"", "//app.example.com/", RedirectExternal},
		{"", "myapp://callback", RedirectScheme},
		{"", "blank://blank", RedirectScheme},
		{"", "mailto:x@example.com", RedirectScheme},
		{"", "javascript:alert(1)", RedirectForbidden},
		{"", "JavaScript:alert(1)", RedirectForbidden},
		{"", "java\nscript:alert(1)", RedirectForbidden},
		{"", " javascript:alert(1)", RedirectForbidden},
		{"", "\x01javascript:alert(1)", RedirectForbidden},
		{"", "data:text/html,x", RedirectForbidden},
		{"", "vbscript:x", RedirectForbidden},
		{"", "file:///etc/passwd", RedirectForbidden},
		{"", "blob:https://x/y", RedirectForbidden},
		{"", `/\evil.example.com`, RedirectForbidden},
		{"", `\\evil.example.com`, RedirectForbidden},
		{"", "https:/evil", RedirectForbidden},
		{"", "https:evil", RedirectForbidden},
		{"", "http://", RedirectForbidden},
		{"", "%zz", RedirectForbidden},

		{root, "/auth/if/flow/a/", RedirectFlow},
		{root, "/auth/", RedirectFinished},
		{root, "/if/flow/a/", RedirectFinished},
		{root, "/authx/if/flow/a/", RedirectFinished},
		{root, "https://auth.example.com/auth/if/flow/a/", RedirectFlow},
		{root, "https://AUTH.example.com/auth/application/o/authorize/", RedirectApplication},
		{root, "https://auth.example.com/auth/if/user/", RedirectFinished},
		{root, "https://auth.example.com/other", RedirectExternal},
		{root, "http://auth.example.com/auth/if/flow/a/", RedirectExternal},
		{root, "https://auth.example.com.evil.org/auth/if/flow/a/", RedirectExternal},
		{root, "https://auth.example.com@evil.org/auth/if/flow/a/", RedirectExternal},
		{root, "https://user@auth.example.com/auth/if/flow/a/", RedirectExternal},
		{root, "//auth.example.com/auth/if/flow/a/", RedirectExternal},
	} {
		r := as[Redirect](t, resolveRedirects(Redirect{To: c.to}, c.root))
		if got := r.Class(); got != c.want {
			t.Errorf("%q at %q: got %s, want %s", c.to, c.root, got, c.want)
		}
		if _, ok := r.Flow(); ok != (c.want == RedirectFlow || c.want == RedirectExecutor) {
			t.Errorf("%q at %q: got a flow: %v", c.to, c.root, ok)
		}
	}
}

func TestRedirect_TheZeroClassIsForbidden(t *testing.T) {
	t.Parallel()
	var zero RedirectClass
	if zero != RedirectForbidden || zero.String() != "forbidden" || RedirectScheme.String() != "scheme" || RedirectClass(99).String() != "unknown" {
		t.Error("got another zero value than forbidden, or wrong words")
	}
}

func TestStep_FlowAtReadsLinksOfChallenges(t *testing.T) {
	t.Parallel()
	s := Step{Root: "https://auth.example.com/"}
	for ref, want := range map[string]Flow{
		"/if/flow/recovery/?next=%2Fx":                 {Slug: "recovery", Query: "next=%2Fx"},
		"https://auth.example.com/if/flow/recovery/":   {Slug: "recovery"},
		"https://evil.example.com/if/flow/recovery/":   {},
		"javascript:/if/flow/recovery/":                {},
		"/application/o/authorize/":                    {},
		"":                                             {},
		"https://auth.example.com:444/if/flow/recover": {},
	} {
		if got, ok := s.FlowAt(ref); got != want || ok != (want.Slug != "") {
			t.Errorf("%q: got %v, %v, want %v", ref, got, ok, want)
		}
	}
}

func TestDecode_SourcesHaveAClosedSetOfChallenges(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"component":"ak-stage-identification","sources":[
		{"name":"A","challenge":{"component":"xak-flow-redirect","to":"/auth/source/oauth/login/a/"}},
		{"name":"B","challenge":{"component":"ak-stage-identification","sources":[]}},
		{"name":"C"}, 7]}`)
	ch, err := DecodeAt(raw, "https://auth.example.com/auth/")
	if err != nil {
		t.Fatal(err)
	}
	sources := as[Identification](t, ch).Sources
	if len(sources) != 3 {
		t.Fatalf("got %d sources, want 3", len(sources))
	}
	if r, ok := sources[0].Challenge.(Redirect); !ok || r.Class() != RedirectSource {
		t.Errorf("first source: got %T, want a Redirect", sources[0].Challenge)
	}
	for _, s := range sources[1:] {
		if _, ok := s.Challenge.(Unknown); !ok {
			t.Errorf("%s: got %T, want Unknown", s.Name, s.Challenge)
		}
	}
}
