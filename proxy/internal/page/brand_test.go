package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

func TestBrand_PicturesComeOnlyFromAuthentikThroughTheGate(t *testing.T) {
	t.Parallel()
	p := testPages(t)
	for address, want := range map[string]string{
		"/static/logo.svg":                           "/.authentik/brand/%2Fstatic%2Flogo.svg",
		"/media/a.png?token=x":                       "/.authentik/brand/%2Fmedia%2Fa.png%3Ftoken%3Dx",
		"https://auth.example.com/media/a.png":       "/.authentik/brand/https%3A%2F%2Fauth.example.com%2Fmedia%2Fa.png",
		"https://www.gravatar.com/avatar/1":          "",
		"//evil.example/a.png":                       "",
		"https://user@auth.example.com/a.png":        "",
		"fa://fa-github":                             "",
		"":                                           "",
		"logo.svg":                                   "",
		"javascript:alert(1)":                        "",
		"data:image/png;base64,AAAA":                 "data:image/png;base64,AAAA",
		"data:image/svg+xml;base64,PHN2Zy8+":         "data:image/svg+xml;base64,PHN2Zy8+",
		"data:image/svg+xml;charset=utf-8,%3Csvg%3E": "data:image/svg+xml;charset=utf-8,%3Csvg%3E",
		"data:text/html;base64,AAAA":                 "",
		`data:image/png;base64,A"onload=x`:           "",
		"data:image/png;base64," + strings.Repeat("A", maxInline): "",
	} {
		if got := p.pictureURL(address); got != want {
			t.Errorf("%.60q: got address %q, want %q", address, got, want)
		}
	}
}

func TestBrand_PictureOfTheThemeIsShown(t *testing.T) {
	t.Parallel()
	p := testPages(t)
	const at = "/.authentik/brand/%2F"
	themed := flowclient.Themed{Light: "/l", Dark: "/d"}
	for name, row := range map[string]struct {
		plain       string
		themed      flowclient.Themed
		theme       string
		light, dark string
	}{
		"one for both":              {"/a", flowclient.Themed{}, "", at + "a", ""},
		"one for each":              {"/a", themed, "", at + "l", at + "d"},
		"a light one alone":         {"/a", flowclient.Themed{Light: "/l"}, "", at + "l", at + "a"},
		"a place for the theme":     {"/a-%(theme)s", flowclient.Themed{}, "", at + "a-light", at + "a-dark"},
		"always dark":               {"/a", themed, "dark", at + "d", ""},
		"always light":              {"/a", themed, "light", at + "l", ""},
		"always dark, one for both": {"/a", flowclient.Themed{}, "dark", at + "a", ""},
		"none":                      {"", flowclient.Themed{}, "", "", ""},
	} {
		got := p.picture(row.plain, row.themed, row.theme)
		if string(got.Light) != row.light || string(got.Dark) != row.dark {
			t.Errorf("%s: got light %q and dark %q", name, got.Light, got.Dark)
		}
	}
}

func TestBrand_OperatorsTitleAndLogoWin(t *testing.T) {
	t.Parallel()
	cfg := testPageConfig()
	cfg.Title, cfg.Logo = "Intranet", "https://cdn.example.com/logo.svg"
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := p.brandView(testBrand(), english)
	if v.Logo.Text != "Intranet" || string(v.Logo.Light) != cfg.Logo {
		t.Errorf("got the logo %+v, want the configured one", v.Logo)
	}
	if v = testPages(t).brandView(testBrand(), english); v.Logo.Text != "Example" || !v.Logo.Found() {
		t.Errorf("without the operator's: got logo %+v", v.Logo)
	}
}

func TestBrand_UnknownLayoutIsStacked(t *testing.T) {
	t.Parallel()
	for layout, want := range map[string]string{
		"sidebar_left": "sidebar_left", "content_right": "content_right", "stacked": "stacked", "": "stacked",
		"sidebar_right_frame_background": "sidebar_right", `x" onload="y`: "stacked", "quiet": "stacked",
	} {
		v := pageView{Layout: "stacked"}
		testPages(t).applyFlow(&v, &flowclient.FlowInfo{Layout: layout, Background: "/b.jpg"})
		if v.Layout != want {
			t.Errorf("layout %q: got %q", layout, v.Layout)
		}
		if framed := strings.HasSuffix(layout, "_frame_background"); v.Backdrop.Found() == framed {
			t.Errorf("layout %q: got background picture: %v", layout, v.Backdrop.Found())
		}
	}
}

func TestBrand_DefaultAvatarIsLeftOut(t *testing.T) {
	t.Parallel()
	p := testPages(t)
	for avatar, shown := range map[string]bool{
		"/static/dist/assets/images/user_default.png": false, "/media/jane.png": true, "data:image/svg+xml;base64,PHN2Zy8+": true, "": false,
	} {
		if got := p.account(flowclient.Base{PendingUser: "jane", PendingUserAvatar: avatar}); got == nil || (got.Face != "") != shown {
			t.Errorf("avatar %q: got %+v", avatar, got)
		}
	}
	if p.account(flowclient.Base{}) != nil {
		t.Error("got no user in the view, want one")
	}
}

func TestFooter_NamesAPublicHostOrElseTheBrand(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"auth.example.com": "auth.example.com", "auth.example.com:8443": "auth.example.com:8443", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"authentik-server:9000": "Example", "authentik": "Example", "": "Example",
		"10.0.0.5:9000": "Example", "127.0.0.1": "Example", "[fd00::5]:9443": "Example", "[::1]": "Example",
		"auth.lan": "Example", "auth.home.arpa": "Example", "AUTH.LOCAL:443": "Example", "server.authentik.svc": "Example",
		"auth.internal": "Example", "auth.localhost": "Example",
	} {
		cfg := testPageConfig()
		cfg.PublicHost = host
		p, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := p.Ask(w, httptest.NewRequest(http.MethodGet, "/", nil), handmadeQuestion(t, "password")); err != nil {
			t.Fatal(err)
		}
		has(t, w.Body.String(), english.Text("checked_by", "Host", want))
		w = httptest.NewRecorder()
		p.Fail(w, httptest.NewRequest(http.MethodGet, "/", nil), unreachable, "/", flowclient.Brand{})
		if got := strings.Contains(w.Body.String(), "checked by"); got != (want == host) {
			t.Errorf("%q without a brand: got a host in the footer %v, want %v", host, got, want == host)
		}
	}
}
