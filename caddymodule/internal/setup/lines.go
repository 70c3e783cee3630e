package setup

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Lines are the lines for the Caddyfile.
func Lines(w Wanted, p Plan) string {
	var b strings.Builder
	b.WriteString(siteAddress(w.Site) + " {\n\tauthentik " + token(w.URL) + " {\n")
	line := func(format string, args ...any) { fmt.Fprintf(&b, "\t\t"+format+"\n", args...) }
	if w.PublicURL != "" && w.PublicURL != w.URL {
		line("public_url %s", token(w.PublicURL))
	}
	line("application %s", token(w.Slug))
	if w.OpenID {
		line("client_id %s", token(p.ClientID))
		if w.hasSecret() {
			line("client_secret %s", token("{file."+w.SecretFile+"}"))
		}
		if len(p.Scopes) > 0 {
			line("scopes %s", strings.Join(p.Scopes, " "))
		}
	}
	if w.Login != "" && w.Login != "page" {
		line("login %s", w.Login)
	}
	if w.LoginAt != "" {
		line("login at %s", token(w.LoginAt))
	}
	if p.LogoutBack {
		line("sign_out_back")
	}
	if w.Prefix != "/.authentik" {
		line("prefix %s", token(w.Prefix))
	}
	upstream := w.Upstream
	if upstream == "" {
		b.WriteString("\t}\n\t# Write the address of your application here.\n")
		upstream = "localhost:8080"
	} else {
		b.WriteString("\t}\n")
	}
	b.WriteString("\treverse_proxy " + token(upstream) + "\n}\n")
	return b.String()
}

// siteAddress is the address of a site in a Caddyfile: for HTTPS only the host.
func siteAddress(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" {
		return token(origin)
	}
	return token(u.Host)
}

// token writes a text as one token of a Caddyfile.
func token(text string) string {
	if text == "" || strings.ContainsAny(text, " \t\n\r\"`#\\") || strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "{file.") {
		return strconv.Quote(text)
	}
	return text
}

func firstLine(text string) string { first, _, _ := strings.Cut(text, "\n"); return first }
