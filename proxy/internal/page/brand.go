package page

import (
	"html/template"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/assets"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page/locales"
)

// A pictureView is the brand's logo or the flow's background.
type pictureView struct {
	// Light is the picture's address on this site. Dark is the one for the dark
	// theme; it is empty if it is the same, or if the brand fixes the theme.
	Light template.URL
	Dark  template.Srcset
	// Text is shown if there is no picture.
	Text string
	// Behind marks a background, which is loaded after everything else.
	Behind bool
}

// Found reports whether there is a picture.
func (p pictureView) Found() bool { return p.Light != "" }

// brandView returns a page with the looks of a brand.
func (p *Pages) brandView(b flowclient.Brand, l *locales.Locale) pageView {
	v := pageView{
		Language: l.Tag(), Direction: l.Direction(), Theme: themeOf(b), Layout: "stacked", Host: p.hostName(b),
		Styles: []string{p.assets.URL("style.css")}, Scripts: []string{p.assets.URL("page.js")},
	}
	if p.assets.Has(assets.Own, "") {
		v.Styles = append(v.Styles, p.assets.URL(assets.Own))
	}
	v.Icon = template.URL(p.assets.URL("icon.svg")) //nolint:gosec // Our own address.
	if icon := p.picture(b.Favicon, b.FaviconThemed, v.Theme); icon.Found() {
		v.Icon = icon.Light
	}
	v.Logo = p.logo
	if !v.Logo.Found() {
		v.Logo = p.picture(b.Logo, b.LogoThemed, v.Theme)
	}
	v.Logo.Text = p.cfg.Title
	if v.Logo.Text == "" {
		v.Logo.Text = b.Title
	}
	if v.Logo.Text == "" {
		v.Logo.Text = l.Text("the_other")
	}
	for _, l := range b.FooterLinks {
		if l.Name != "" {
			v.Links = append(v.Links, footerLink{Name: l.Name, Address: webAddress(l.Href)})
		}
	}
	return v
}

// privateDomains are the top-level domains of private networks, among them those
// that are reserved for that (RFC 6761, 6762 and 8375).
var privateDomains = []string{
	"arpa", "corp", "docker", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "private", "svc", "test",
}

// hostName returns authentik's public host, or the brand's title if the host is
// not one that visitors know, such as authentik-server:9000 in a Compose file.
func (p *Pages) hostName(b flowclient.Brand) string {
	host := (&url.URL{Host: p.cfg.PublicHost}).Hostname()
	dot := strings.LastIndexByte(host, '.')
	if _, err := netip.ParseAddr(host); err == nil || dot < 0 || slices.Contains(privateDomains, strings.ToLower(host[dot+1:])) {
		return b.Title
	}
	return p.cfg.PublicHost
}

// themeOf returns the brand's theme, or "" if the browser may choose.
func themeOf(b flowclient.Brand) string {
	if b.Theme == "light" || b.Theme == "dark" {
		return b.Theme
	}
	return ""
}

// layouts are the layouts of authentik that a page can have. The two with
// another page as the background have none here: it would be a frame.
var layouts = []string{"stacked", "content_left", "content_right", "sidebar_left", "sidebar_right"}

// applyFlow sets the flow's title, layout and background.
func (p *Pages) applyFlow(v *pageView, info *flowclient.FlowInfo) {
	if info == nil {
		return
	}
	v.Heading = info.Title
	layout, framed := strings.CutSuffix(info.Layout, "_frame_background")
	if slices.Contains(layouts, layout) {
		v.Layout = layout
	}
	if !framed {
		v.Backdrop = p.picture(info.Background, info.BackgroundThemed, v.Theme)
		v.Backdrop.Behind = true
		v.Backdrop.Light = template.URL(p.decorative(string(v.Backdrop.Light)))  //nolint:gosec // Checked by pictureURL.
		v.Backdrop.Dark = template.Srcset(p.decorative(string(v.Backdrop.Dark))) //nolint:gosec // Checked by pictureURL.
	}
}

// decorative marks the address of a picture for which the gate serves an empty
// one if it cannot be fetched, so that browsers show no broken image.
func (p *Pages) decorative(address string) string {
	if strings.HasPrefix(address, p.cfg.Prefix+"/brand/") {
		return address + "?behind"
	}
	return address
}

// picture returns a picture for both themes, or for the one that the brand
// fixes.
func (p *Pages) picture(plain string, themed flowclient.Themed, theme string) pictureView {
	light, dark := p.pictureURL(forTheme(plain, "light")), p.pictureURL(forTheme(plain, "dark"))
	if s := p.pictureURL(themed.Light); s != "" {
		light = s
	}
	if s := p.pictureURL(themed.Dark); s != "" {
		dark = s
	}
	switch {
	case theme == "dark" && dark != "":
		light, dark = dark, ""
	case theme == "light", dark == light:
		dark = ""
	}
	return pictureView{Light: template.URL(light), Dark: template.Srcset(dark)} //nolint:gosec // Checked by pictureURL.
}

// forTheme replaces authentik's placeholder for the theme's name.
func forTheme(address, theme string) string {
	return strings.ReplaceAll(address, "%(theme)s", theme)
}

// dataPicture matches data URLs of images. In an img element none of them can
// run scripts.
var dataPicture = regexp.MustCompile(`^data:image/(?:png|jpeg|gif|webp|svg\+xml)(?:;[-a-z0-9=]+)*,[-A-Za-z0-9+/=%_.~!$&*:;?@]*$`)

// maxInline bounds the length of a data URL, in bytes.
const maxInline = 64 << 10

// pictureURL returns the address of one of authentik's pictures at the gate,
// since browsers may not reach authentik. It returns "" for pictures on other
// hosts: they would tell a third party who signs in here.
func (p *Pages) pictureURL(address string) string {
	if strings.HasPrefix(address, "data:") {
		if len(address) <= maxInline && dataPicture.MatchString(address) {
			return address
		}
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Path == "" || u.Path[0] != '/' || u.User != nil {
		return ""
	}
	if u.Host == "" && u.Scheme == "" || webAddress(address) != "" && strings.EqualFold(u.Host, p.cfg.PublicHost) {
		return p.cfg.Prefix + "/brand/" + p.cfg.Seal(address)
	}
	return ""
}

// account returns the user who is signing in, or nil. authentik's default
// picture is left out.
func (p *Pages) account(b flowclient.Base) *accountView {
	if b.PendingUser == "" {
		return nil
	}
	a := &accountView{Name: b.PendingUser}
	if !strings.HasSuffix(b.PendingUserAvatar, "user_default.png") {
		a.Face = template.URL(p.pictureURL(b.PendingUserAvatar)) //nolint:gosec // Checked by pictureURL.
	}
	return a
}

// webAddress returns address if a link may lead there, else "".
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	if strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' }) {
		return ""
	}
	return address
}

// hostOf returns the host of an address, for texts.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
