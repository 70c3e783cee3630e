package demo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// The names of the sites with --domains. Browsers take every name that ends with
// .localhost for their own machine, and each of these for its own domain.
const (
	loginName = "auth.localhost"
	wikiName  = "wiki.localhost"
	filesName = "files.localhost"
)

// guest is a user who may use the wiki, but not the files.
const guest = "guest"

// providerPath is the path of the other provider, on the site elsewhere.
const providerPath = "/provider"

// domainRows returns the users of the demonstration with several domains: those
// with challenges that the stand-in's own pages can show.
func domainRows() []row {
	var rows []row
	for _, r := range people(groups("")) {
		switch r.name {
		case "demo":
			r.asks = "nothing else"
		case "totp", "static", "setup-passkey", "consent":
		default:
			continue
		}
		rows = append(rows, r)
	}
	return append(rows, row{name: guest, asks: "nothing else, and may use the wiki only"})
}

// setUpDomains returns the configuration of an authentik whose users use several
// applications.
func setUpDomains(rows []row, elsewhere string) authentiktest.Config {
	sheet := []group{{people: true, rows: rows}}
	cfg := setUp(sheet, elsewhere, authentiktest.Duo{})
	source := authentiktest.Source{
		Slug: "provider", Name: "Another provider", Kind: authentiktest.SourceOAuth, ClientID: "demonstration", URL: elsewhere + providerPath,
		Person: func(code string) (authentiktest.Person, error) {
			return authentiktest.Person{ID: code, Username: "newcomer", Name: "New Comer", Email: "newcomer@example.com"}, nil
		},
		AuthenticationFlow: "default-source-authentication", EnrollmentFlow: "default-source-enrollment",
	}
	cfg.Sources = []authentiktest.Source{source}
	first := cfg.Flows[0].Bindings[0].Stage.(*authentiktest.IdentificationStage) //nolint:forcetypeassert // bindings begins with it
	first.Sources, first.EnrollmentFlow, first.RecoveryFlow = cfg.Sources, "", ""
	for _, r := range otherFlows(elsewhere) {
		if r.name == first.PasswordlessFlow {
			cfg.Flows = append(cfg.Flows, flow(r))
		}
	}
	notGuest := authentiktest.Policy{Func: func(r *authentiktest.PolicyRequest) (bool, []string, error) {
		return r.User.Username != guest, nil, nil
	}}
	cfg.Applications = []authentiktest.Application{{Slug: "wiki", Name: "Wiki"}, {Slug: "files", Name: "Files", Policies: []authentiktest.Policy{notGuest}}}
	return cfg
}

// provider plays another provider, such as Google: it sends every browser back
// at once, with a code.
func provider(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.URL.Query().Get("redirect_uri"))
	if err != nil || back.Host == "" {
		http.Error(w, "no redirect_uri to return to", http.StatusBadRequest)
		return
	}
	back.RawQuery = url.Values{"code": {"demonstration"}, "state": {r.URL.Query().Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // a provider of a demonstration, which knows no clients
}

// beginDomains starts everything around two applications on two domains.
func (d *demonstration) beginDomains(ctx context.Context, directory string) (at addresses, server *authentiktest.Server, rows []row, err error) {
	address, err := serve(ctx, "127.0.0.1:0", elsewhere())
	if err != nil {
		return at, nil, nil, fmt.Errorf("starting the site elsewhere: %w", err)
	}
	at.elsewhere, rows = "http://"+address, domainRows()
	if server, err = authentiktest.New(setUpDomains(rows, at.elsewhere)); err != nil {
		return at, nil, nil, err
	}
	if at, err = d.startAuthentik(ctx, at, server); err != nil {
		return at, nil, nil, err
	}
	var behind [2]string
	for i, application := range []words{
		{Title: "Wiki", Other: "Files", At: at.named(filesName) + "/"},
		{Title: "Files", Other: "Wiki", At: at.named(wikiName) + "/"},
	} {
		if behind[i], err = serve(ctx, "127.0.0.1:0", app(application)); err != nil {
			return at, nil, nil, fmt.Errorf("starting an application: %w", err)
		}
	}
	caddyfile := at.domains(ctx, behind)
	if err = start(caddyfile, directory); err != nil {
		return at, nil, nil, err
	}
	d.announceDomains(at, caddyfile, rows)
	return at, server, rows, nil
}

// named returns the origin of the site with a name.
func (at addresses) named(name string) string {
	_, port, _ := net.SplitHostPort(at.gate)
	return "http://" + net.JoinHostPort(name, port)
}

// domains returns the whole configuration of the sites.
func (at addresses) domains(ctx context.Context, behind [2]string) string {
	host, _, _ := net.SplitHostPort(at.gate)
	bind := ""
	if host != "" {
		bind = "\tbind " + strings.Join(interfaces(ctx, host), " ") + "\n"
	}
	block := func(name, options, to string) string {
		return at.named(name) + " {\n" + bind + "\tauthentik http://" + at.standIn + " {\n" + options + "\t}\n\treverse_proxy " + to + "\n}\n"
	}
	there := "\t\tlogin at " + at.named(loginName) + "\n"
	return block(loginName, "\t\tlogin_host\n", at.standIn) + "\n" +
		block(wikiName, there+"\t\tapplication wiki\n", behind[0]) + "\n" +
		block(filesName, there+"\t\tapplication files\n", behind[1])
}

// announceDomains prints the addresses, the users and what to try.
func (d *demonstration) announceDomains(at addresses, site string, rows []row) {
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n  Two applications on two domains, and one sign-in for both:\n\n    %s\n    %s\n", at.named(wikiName), at.named(filesName))
	if at.gate != d.listen {
		fmt.Fprintf(&text, "    (%s is taken)\n", d.listen)
	}
	fmt.Fprintf(&text, "\n  Visitors sign in at authentik's own pages, here plain ones of a stand-in, at the login host:\n\n    %s\n", at.named(loginName))
	fmt.Fprintf(&text, "\n  Try this:\n"+
		"    1. Open the wiki and sign in as demo. Then open the files: you are asked nothing.\n"+
		"    2. Sign out at one of them. The other one asks again.\n"+
		"    3. Sign in as %s. The files say that they are not for this user, and let you switch.\n"+
		"    4. Use \"Another provider\", or sign in as setup-passkey: a passkey of the login host's name,\n"+
		"       which then works without a name and opens both applications.\n", guest)
	fmt.Fprintf(&text, "\n  Users, all with the password %s. authentik asks them for\n", commonPassword)
	for _, r := range rows {
		text.WriteString(tableRow(at, group{people: true}, r))
	}
	fmt.Fprintf(&text, "\n  This is the whole configuration. Nothing has to be set up in authentik but the two applications:\n\n%s", indent(site))
	fmt.Fprintf(&text, "\n  Browsers take names below localhost for their own machine; elsewhere add them to the hosts file.\n")
	fmt.Fprintf(&text, "\n  Ctrl-C ends it.\n\n")
	_, _ = text.WriteTo(d.out)
}
