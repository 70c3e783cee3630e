package flowclient

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBrand_IsDecodedInEveryRelease(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		f := newFake(t, says(api(t, release, "brand")), says(api(t, release, "brand-bare")))
		got, err := f.client().Brand(t.Context(), Visitor{Host: "st-brand.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		want := Brand{
			MatchedDomain: "st-brand.example.com", Title: "Steering Club", Logo: "https://cdn.example.com/logo.svg",
			Favicon: "/static/dist/assets/icons/icon.png", CustomCSS: ".pf-c-login { color: red; } /* </style> */",
			Theme: "dark", DefaultLocale: "de", FlowAuthentication: "st-login", FlowInvalidation: "st-logout",
			FlowRecovery: "st-recover", FlowUnenrollment: "st-unenrol", FlowUserSettings: "st-settings", FlowDeviceCode: "st-device",
		}
		if release != "2025.10" {
			want.Logo = "https://cdn.example.com/logo-%(theme)s.svg"
			want.LogoThemed = Themed{Light: "https://cdn.example.com/logo-light.svg", Dark: "https://cdn.example.com/logo-dark.svg"}
		}
		want.Raw = got.Raw
		if diff := cmp.Diff(want, got); diff != "" || len(got.Raw) == 0 {
			t.Errorf("%s (-want +got):\n%s", release, diff)
		}
		if f.seen(0).host != "st-brand.example.com" || f.seen(0).uri != "/api/v3/core/brands/current/" {
			t.Errorf("got a request to %s for %s, want st-brand.example.com and core/brands/current", f.seen(0).host, f.seen(0).uri)
		}
		if bare, err := f.client().Brand(t.Context(), Visitor{}); err != nil || bare.FlowAuthentication != "" || bare.Title != "Bare" {
			t.Errorf("%s: got %v, %v, want the title Bare and no flow", release, bare.Title, err)
		}
	}
}

func TestBrand_FooterLinksMayHaveNoAddress(t *testing.T) {
	t.Parallel()
	f := newFake(t, says(`{"branding_title":"x","ui_footer_links":[{"name":"Help","href":"https://h"},{"name":"Text","href":null},"odd"]}`))
	got, err := f.client().Brand(t.Context(), Visitor{})
	if diff := cmp.Diff([]FooterLink{{"Help", "https://h"}, {Name: "Text"}}, got.FooterLinks); diff != "" || err != nil {
		t.Errorf("got %v, (-want +got):\n%s", err, diff)
	}
}

func TestRootConfig_IsDecodedInEveryRelease(t *testing.T) {
	t.Parallel()
	for _, release := range recordedReleases {
		got, err := newFake(t, says(api(t, release, "config"))).client().RootConfig(t.Context(), Visitor{})
		if err != nil || got.CacheTimeout != 5*time.Minute || got.CacheTimeoutFlows != 5*time.Minute || got.CacheTimeoutPolicies != 5*time.Minute || len(got.Capabilities) == 0 {
			t.Errorf("%s: got %v, %v, want five minutes and capabilities", release, got.Capabilities, err)
		}
	}
	for _, reply := range []http.HandlerFunc{says("<html>"), fails(http.StatusForbidden, `{"detail":"x"}`)} {
		var ue *UnexpectedError
		if _, err := newFake(t, reply).client().RootConfig(t.Context(), Visitor{}); !errors.As(err, &ue) || ue.Endpoint != "root/config" {
			t.Errorf("got %v", err)
		}
	}
}

func TestDefaultFlow_ReturnsTheFlowOfTheRedirect(t *testing.T) {
	t.Parallel()
	f := newFake(t, sends("/if/flow/st-login/?next=%2Fx"))
	got, err := f.client().DefaultFlow(t.Context(), Visitor{}, "authentication")
	if err != nil || got != (Flow{Slug: "st-login", Query: "next=%2Fx"}) || f.seen(0).uri != "/flows/-/default/authentication/" {
		t.Errorf("got %v, %v, want the flow st-login", got, err)
	}
	if _, err := newFake(t, fails(http.StatusNotFound, "<html>")).client().DefaultFlow(t.Context(), Visitor{}, "recovery"); !errors.Is(err, ErrFlowNotFound) {
		t.Errorf("recovery: got %v", err)
	}
	for _, designation := range []string{"", "../x", "a/b", "a?b", "A"} {
		if _, err := newFake(t).client().DefaultFlow(t.Context(), Visitor{}, designation); !errors.Is(err, ErrFlowNotFound) {
			t.Errorf("%q: got %v", designation, err)
		}
	}
	for _, reply := range []http.HandlerFunc{sends("https://evil.example.com/if/flow/x/"), sends("/if/user/"), says("<html>"), unmarked(fails(http.StatusNotFound, ""))} {
		var ue *UnexpectedError
		if got, err := newFake(t, reply).client().DefaultFlow(t.Context(), Visitor{}, "authentication"); !errors.As(err, &ue) {
			t.Errorf("got %v, %v, want an UnexpectedError", got, err)
		}
	}
}

func picture(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
	}
}

func TestPicture_IsOnlyFetchedFromAuthentiksHost(t *testing.T) {
	t.Parallel()
	for address, uri := range map[string]string{ //nolint:gosec // No token, only the word.
		"/static/dist/x.svg": "/static/dist/x.svg",
		"https://auth.example.com/files/media/public/a.png?token=t": "/files/media/public/a.png?token=t",
		"https://app.example.com/static/x.png":                      "/static/x.png",
	} {
		f := newFake(t, picture("image/svg+xml; charset=utf-8", "<svg/>"))
		got, err := f.client().Picture(t.Context(), Visitor{Host: "app.example.com"}, address)
		if err != nil || got.Type != "image/svg+xml" || string(got.Bytes) != "<svg/>" || f.seen(0).uri != uri || f.seen(0).header.Get("Accept") != "image/*" {
			t.Errorf("%s: got %v %v, want the picture", address, got.Type, err)
		}
	}
	for _, address := range []string{
		"https://cdn.example.com/logo.svg", "//cdn.example.com/x", "data:image/png;base64,AA", "http://auth.example.com/x", "",
		"https://u@auth.example.com/x", `/\cdn.example.com/x`, "fa://fa-github", "javascript:x",
	} {
		if _, err := newFake(t).client().Picture(t.Context(), Visitor{}, address); !errors.Is(err, ErrOtherHost) {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

func TestPicture_OtherContentIsRefused(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]http.HandlerFunc{
		"a page":      picture("text/html", "<html>"),
		"nothing":     picture("", "x"),
		"nonsense":    picture("image/png; ;;", "x"),
		"missing":     fails(http.StatusNotFound, ""),
		"a redirect":  sends("https://cdn.example.com/x"),
		"an imposter": picture("text/plain; x=image/png", ""),
	} {
		var ue *UnexpectedError
		if got, err := newFake(t, reply).client().Picture(t.Context(), Visitor{}, "/x.png"); !errors.As(err, &ue) {
			t.Errorf("%s: got %v, %v, want an UnexpectedError", name, got.Type, err)
		}
	}
}
