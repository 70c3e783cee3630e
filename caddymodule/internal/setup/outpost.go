package setup

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/plain"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// The modes of proxy providers.
const (
	modeProxy  = "proxy"
	modeDomain = "forward_domain"
)

// hostPort matches a host that can be a site's address in a Caddyfile.
var hostPort = regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?(:[0-9]{1,5})?$`)

// FromOutpost writes the Caddyfile for the applications that authentik's
// outposts guard. A setting without an equivalent becomes a comment.
func FromOutpost(authentik, public string, proxies []admin.Proxy) string {
	var b strings.Builder
	b.WriteString("# Written by caddy authentik setup --from-outpost. Read the comments: they say what is not the same.\n" +
		"# The outpost's providers are as they were. Remove them when nothing uses them any more.\n")
	for _, p := range proxies {
		b.WriteString("\n")
		site(&b, authentik, public, p)
	}
	return b.String()
}

// site writes the site of one provider.
func site(b *strings.Builder, authentik, public string, p admin.Proxy) {
	fmt.Fprintf(b, "# %s (%s)\n", comment(p.Name), comment(p.Mode))
	u, err := url.Parse(p.ExternalHost)
	switch {
	case rules.Slug(p.ApplicationSlug) != nil:
		b.WriteString("# Left out: no application has this provider, so the outpost serves no site with it.\n")
		return
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostPort.MatchString(u.Host):
		fmt.Fprintf(b, "# Left out: the external host %s is not an address.\n", comment(p.ExternalHost))
		return
	}
	var options, remarks []string
	if public != "" && public != authentik {
		options = append(options, "public_url "+token(public))
	}
	options = append(options, "application "+p.ApplicationSlug)
	open, closed := openPaths(p)
	if len(open) > 0 {
		options = append(options, "open "+strings.Join(open, " "))
	}
	for _, pattern := range closed {
		remarks = append(remarks, "Needs a sign-in now: skip_path_regex "+comment(pattern)+" has no exact equivalent. Write open <path>... for what has to stay open.")
	}
	if p.CookieDomain != "" && p.Mode == modeDomain {
		options = append(options, domainOption(p, &remarks)...)
	}
	if d := lifetime(p.AccessValidity); d != "" {
		options = append(options, "lifetime "+d)
	}
	options = append(options, "headers authentik")
	remarks = append(remarks, others(p, u)...)
	for _, r := range remarks {
		b.WriteString("# " + r + "\n")
	}
	if p.Mode == modeDomain {
		b.WriteString("(" + p.ApplicationSlug + ") {\n")
	} else {
		b.WriteString(siteAddress(u.Scheme+"://"+u.Host) + " {\n")
	}
	b.WriteString("\tauthentik " + token(authentik) + " {\n")
	for _, o := range options {
		b.WriteString("\t\t" + o + "\n")
	}
	b.WriteString("\t}\n")
	if p.Mode == modeDomain {
		fmt.Fprintf(b, "}\n\n# one.example.com {\n#\timport %s\n#\treverse_proxy localhost:8080\n# }\n", p.ApplicationSlug)
		return
	}
	b.WriteString(upstream(p) + "}\n")
}

// domainOption returns the option for a provider of a whole domain.
func domainOption(p admin.Proxy, remarks *[]string) []string {
	*remarks = append(*remarks, "Domain level: your proxy's own configuration says for which hosts this provider was asked. Write a site for each, as below, and "+
		"make an application in authentik for each, which then decides who may use it.")
	if err := rules.CookieDomain(p.CookieDomain); err != nil {
		*remarks = append(*remarks, "The cookie domain cannot be used: "+comment(err.Error()))
		return nil
	}
	return []string{"cookie {", "\tdomain " + p.CookieDomain, "}"}
}

// others returns comments about settings without an equivalent.
func others(p admin.Proxy, u *url.URL) (remarks []string) {
	if p.BasicAuth {
		remarks = append(remarks, fmt.Sprintf("The outpost sends a name and a password from the attributes %s and %s. Here that needs OpenID Connect (setup --openid) "+
			"and sign_on basic: see docs/sign-on.md.", comment(p.BasicUser), comment(p.BasicPassword)))
	}
	if strings.Trim(u.Path, "/") != "" {
		remarks = append(remarks, "The external host has the path "+comment(u.Path)+". The gate guards the whole host: write a matcher if it must not.")
	}
	if p.InterceptsHeader {
		remarks = append(remarks, "Programs that send the header Authorization are not signed in by it unless you write clients { … }: see docs/programs.md.")
	}
	return remarks
}

// upstream returns the lines for the application.
func upstream(p admin.Proxy) string {
	u, err := url.Parse(p.InternalHost)
	switch {
	case p.Mode != modeProxy || p.InternalHost == "":
		return "\t# The outpost does not know where the application is: your proxy's configuration does.\n\treverse_proxy localhost:8080\n"
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !hostPort.MatchString(u.Host):
		return "\t# The internal host " + comment(p.InternalHost) + " is not an address.\n\treverse_proxy localhost:8080\n"
	}
	lines, target := "", u.Scheme+"://"+u.Host
	if strings.Trim(u.Path, "/") != "" {
		lines += "\t# The internal host has the path " + comment(u.Path) + ", which reverse_proxy does not add: use rewrite.\n"
	}
	if u.Scheme == "https" && !p.VerifiesInternal {
		return lines + "\treverse_proxy " + target + " {\n\t\ttransport http {\n\t\t\t# As at the outpost: the application's certificate is not verified.\n\t\t\ttls_insecure_skip_verify\n\t\t}\n\t}\n"
	}
	return lines + "\treverse_proxy " + target + "\n"
}

// openPaths translates the expressions for open paths. It translates only a
// plain path with an optional rest: any other expression could match more than
// it seems to, and open pages that should need a sign-in.
func openPaths(p admin.Proxy) (open, closed []string) {
	for line := range strings.SplitSeq(p.Open, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if path, ok := plainPath(line, p); ok {
			open = append(open, path)
			continue
		}
		closed = append(closed, line)
	}
	return open, closed
}

var (
	// atPath matches an expression for the path, and atAddress an expression
	// for a whole address. An outpost compares whole addresses unless it is the
	// proxy itself.
	atPath    = regexp.MustCompile(`^\^(/.*)$`)
	atAddress = regexp.MustCompile(`^\^https?\??://([-a-zA-Z0-9.:\\]+)(/.*)$`)
	// literal matches a path without operators, except escaped dots and
	// hyphens.
	literal = regexp.MustCompile(`^(?:[-a-zA-Z0-9/_~]|\\[.\-/])+$`)
)

func plainPath(expression string, p admin.Proxy) (path string, ok bool) {
	if p.Mode == modeDomain { // the expression is for one host, and the lines for every host
		return "", false
	}
	m := atPath.FindStringSubmatch(expression)
	if p.Mode != modeProxy {
		if m = atAddress.FindStringSubmatch(expression); m != nil {
			u, err := url.Parse(p.ExternalHost)
			if err != nil || strings.ReplaceAll(m[1], `\`, "") != u.Host {
				return "", false
			}
			m = m[1:]
		}
	}
	if m == nil {
		return "", false
	}
	rest := m[1]
	exact := strings.HasSuffix(rest, "$") && !strings.HasSuffix(rest, `\$`)
	rest = strings.TrimSuffix(rest, "$")
	for _, all := range []string{"(.*)", ".*"} {
		if before, found := strings.CutSuffix(rest, all); found {
			rest, exact = before, false
			break
		}
	}
	if !literal.MatchString(rest) {
		return "", false
	}
	rest = strings.ReplaceAll(rest, `\`, "")
	if exact {
		return rest, true
	}
	return rest + "*", true
}

var hours = regexp.MustCompile(`^hours=([0-9]{1,4})$`)

// lifetime translates the lifetime of a session, if it is not the default.
func lifetime(validity string) string {
	m := hours.FindStringSubmatch(validity)
	if m == nil || m[1] == "24" || m[1] == "0" {
		return ""
	}
	return m[1] + "h"
}

// maxComment is the maximum number of characters from authentik in a comment.
const maxComment = 200

// comment makes a text from authentik safe for a comment.
func comment(text string) string {
	return plain.Cut(text, maxComment)
}
