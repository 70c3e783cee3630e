package authentiktest

import (
	"net/http"
	"slices"
	"strings"
)

const (
	defaultBackground = "/static/dist/assets/images/flow_background.jpg"
	defaultLogo       = "/static/dist/assets/icons/icon_left_brand.svg"
	defaultFavicon    = "/static/dist/assets/icons/icon.png"
)

func defaultBrand() Brand {
	return Brand{
		Domain: "authentik-default", Default: true, FlowAuthentication: "default-authentication-flow",
		FlowInvalidation: "default-invalidation-flow", FlowUserSettings: "default-user-settings-flow",
	}
}

func (b Brand) title() string { return or(b.Title, "authentik") }

// brandOf is the brand of a host with its port: the one whose domain the host
// ends with, else the default brand.
func (s *Server) brandOf(host string) Brand {
	s.mu.Lock()
	defer s.mu.Unlock()
	host = strings.ToLower(host)
	var found, fallback *Brand
	for i, b := range s.brands {
		if b.Default {
			fallback = &s.brands[i]
		} else if s.dialect.covers(b, host) && (found == nil || s.dialect.brandBoundary && len(b.Domain) > len(found.Domain)) {
			found = &s.brands[i]
		}
	}
	if found == nil {
		found = fallback
	}
	return *found
}

// covers reports whether a brand applies to a host. In older releases the
// domain may begin in the middle of a label.
func (d dialect) covers(b Brand, host string) bool {
	domain := strings.ToLower(b.Domain)
	if d.brandBoundary {
		return host == domain || strings.HasSuffix(host, "."+domain)
	}
	return strings.HasSuffix(host, domain)
}

func (v *visit) currentBrand() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	return v.api(http.StatusOK, v.brandObject())
}

func (b Brand) favicon(s *Server) string { return s.static(or(b.Favicon, defaultFavicon)) }

// brandObject is the brand as the API and the pages have it.
func (v *visit) brandObject() object {
	b := v.brand
	links := append([]FooterLink{}, b.FooterLinks...)
	answer := object{
		"matched_domain": b.Domain, "branding_title": b.title(), "branding_custom_css": b.CSS,
		"branding_logo":    v.srv.static(or(b.Logo, defaultLogo)),
		"branding_favicon": b.favicon(v.srv),
		"ui_footer_links":  links, "ui_theme": or(b.Theme, "automatic"),
		"default_locale": b.Locale, "flags": v.srv.dialect.flags,
	}
	if v.srv.dialect.themedURLs {
		answer["branding_logo_themed_urls"] = themed(b.Logo)
		answer["branding_favicon_themed_urls"] = themed(b.Favicon)
	}
	for name, slug := range b.flows() {
		if slug != "" {
			answer["flow_"+name] = slug
		}
	}
	return answer
}

func (b Brand) flows() map[string]string {
	return map[string]string{
		"authentication": b.FlowAuthentication, "invalidation": b.FlowInvalidation, "recovery": b.FlowRecovery,
		"unenrollment": b.FlowUnenrollment, "user_settings": b.FlowUserSettings, "device_code": b.FlowDeviceCode,
	}
}

// static is the address of a picture. Pictures that come with authentik are
// below web.path.
func (s *Server) static(picture string) string {
	if strings.HasPrefix(picture, "/static/") {
		return s.url(picture)
	}
	return picture
}

// themed are the addresses of a picture for each theme, or nil if there is only
// one.
func themed(picture string) any {
	if !strings.Contains(picture, "%(theme)s") {
		return nil
	}
	return object{
		"light": strings.ReplaceAll(picture, "%(theme)s", "light"),
		"dark":  strings.ReplaceAll(picture, "%(theme)s", "dark"),
	}
}

func (f *Flow) background(s *Server) string { return s.static(or(f.Background, defaultBackground)) }

// flow is the flow of that slug as it is now.
func (s *Server) flow(slug string) (*Flow, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.flows, func(f *Flow) bool { return f.Slug == slug })
	if i < 0 {
		return nil, false
	}
	return s.flows[i], true
}
