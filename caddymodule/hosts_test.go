package caddymodule

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// validate does what "caddy validate" does with a Caddyfile. It returns the
// error and what was logged.
func validate(t testing.TB, text string) (log string, err error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "log")
	text = fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tstorage file_system %q\n\tlog {\n\t\toutput file %q\n\t\tlevel WARN\n\t}\n}\n", dir, file) + text
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	return validateJSON(t, config, file)
}

// checkWarning checks that "caddy validate" accepts a Caddyfile and warns of it with a
// text, or of nothing if the text is empty.
func checkWarning(t testing.TB, text, want string) {
	t.Helper()
	log, err := validate(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if (log != "") != (want != "") || !strings.Contains(log, want) {
		t.Errorf("got the log %q, want %q", log, want)
	}
}

func validateJSON(t testing.TB, config []byte, log string) (string, error) {
	t.Helper()
	var parsed caddy.Config
	if err := json.Unmarshal(config, &parsed); err != nil {
		t.Fatal(err)
	}
	err := caddy.Validate(&parsed)
	lines, _ := os.ReadFile(log) //nolint:gosec // in a directory of this test
	return string(lines), err
}

const withDomain = "\tauthentik https://auth.example.com {\n\t\tcookie {\n\t\t\tdomain %s\n\t\t}\n\t\t%s\n\t}\n\trespond ok\n"

// Browsers drop a cookie whose domain is not above the host: visitors would be
// told to allow cookies.
func TestCookieDomain_IsAboveTheSite(t *testing.T) {
	for name, tt := range map[string]struct {
		text    string
		mistake string
		warning string
	}{
		"above":                 {"app.example.com {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", "", ""},
		"the site itself":       {"app.example.com {\n" + fmt.Sprintf(withDomain, "app.example.com", "") + "}\n", "", ""},
		"another port":          {"app.example.com:8443 {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", "", ""},
		"all of several":        {"a.example.com, b.example.com {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", "", ""},
		"wildcard":              {"*.example.com {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", "", ""},
		"elsewhere":             {"app.example.org {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", `"example.com" is not above the host app.example.org, and browsers drop the cookie there; write domain example.org, or leave it out`, ""},
		"below":                 {"example.com {\n" + fmt.Sprintf(withDomain, "app.example.com", "") + "}\n", `"app.example.com" is not above the host example.com`, ""},
		"like a suffix":         {"badexample.com {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", `"example.com" is not above the host badexample.com`, ""},
		"one of several":        {"a.example.com, example.net {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", `not above the host example.net`, ""},
		"an address":            {"http://192.0.2.1 {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", `not above the host 192.0.2.1, and browsers drop the cookie there; leave domain out`, ""},
		"a part of a wildcard":  {"*.example.com {\n" + fmt.Sprintf(withDomain, "app.example.com", "") + "}\n", "", "only some hosts of this site"},
		"a public suffix":       {"home.duckdns.org {\n" + fmt.Sprintf(withDomain, "duckdns.org", "") + "}\n", "public suffix", ""},
		"any host":              {":8080 {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\n", "", "hosts of this site are not known"},
		"any host, site":        {":8080 {\n" + fmt.Sprintf(withDomain, "example.com", "site https://app.example.com") + "}\n", "", ""},
		"any host, other site":  {":8080 {\n" + fmt.Sprintf(withDomain, "example.com", "site https://app.example.org") + "}\n", "not above the host app.example.org", ""},
		"handle of one host":    {"*.example.org {\n@app host app.example.org\nhandle @app {\n" + fmt.Sprintf(withDomain, "app.example.org", "") + "}\n}\n", "", ""},
		"handle of another":     {"*.example.org {\n@app host app.example.org\nhandle @app {\n" + fmt.Sprintf(withDomain, "wiki.example.org", "") + "}\n}\n", "not above the host app.example.org", ""},
		"the second site":       {"a.example.com {\nrespond ok\n}\nb.example.org {\n" + fmt.Sprintf(withDomain, "example.com", "") + "}\nc.example.com {\nrespond ok\n}\n", "not above the host b.example.org", ""},
		"nested, second handle": {"a.example.com {\nhandle /x {\nrespond ok\n}\nhandle {\n" + fmt.Sprintf(withDomain, "example.org", "") + "}\n}\n", "not above the host a.example.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			log, err := validate(t, tt.text)
			if (err != nil) != (tt.mistake != "") || err != nil && !strings.Contains(err.Error(), tt.mistake) {
				t.Errorf("got the error %v, want %q", err, tt.mistake)
			}
			if (log != "") != (tt.warning != "") || !strings.Contains(log, tt.warning) {
				t.Errorf("got the log %q, want %q", log, tt.warning)
			}
		})
	}
}

// JSON can nest hosts in other ways than a Caddyfile.
func TestCookieDomain_IsAboveTheSiteInJSON(t *testing.T) {
	const config = `{"admin": {"disabled": true}, "storage": {"module": "file_system", "root": %q}, "apps": {"http": {"servers": {"x": {"listen": [":8080"], "routes": [
		{"handle": [{"handler": "subroute", "routes": [
			{"match": [{"host": ["a.example.org"]}, {"host": ["%s"], "path": ["/x"]}], "handle": [
				{"handler": "authentik", "url": "https://auth.example.com", "cookie": {"domain": "example.org"}}]}
		]}]}
	]}}}}}`
	for host, right := range map[string]bool{"b.example.org": true, "b.example.com": false, "{env.GATE_HOST}": true} {
		_, err := validateJSON(t, fmt.Appendf(nil, config, t.TempDir(), host), "")
		if (err == nil) != right {
			t.Errorf("%s: got %v, want right: %v", host, err, right)
		}
	}
}

// An error that is raised before the gate reaches the routes for errors with
// the headers that the client sent.
func TestErrorRoutes_ThatLeadToTheApplicationAreWarnedOf(t *testing.T) {
	const gate = "\tauthentik https://auth.example.com\n\treverse_proxy localhost:3000\n"
	for name, tt := range map[string]struct {
		text string
		want string
	}{
		"reverse_proxy":    {"a.example.com {\n" + gate + "handle_errors {\nreverse_proxy localhost:3000\n}\n}\n", "request_header -Remote-*"},
		"php_fastcgi":      {"a.example.com {\n" + gate + "handle_errors 5xx {\nphp_fastcgi localhost:9000\n}\n}\n", "request_header -Remote-*"},
		"headers removed":  {"a.example.com {\n" + gate + "handle_errors {\nrequest_header -Remote-*\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"a page":           {"a.example.com {\n" + gate + "handle_errors {\nrespond oh\n}\n}\n", ""},
		"of another site":  {"a.example.com {\n" + gate + "}\nb.example.com {\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"without a gate":   {"a.example.com {\nreverse_proxy localhost:3000\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"headers of ours":  {"a.example.com {\nauthentik https://auth.example.com {\nheaders authentik\n}\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", "request_header -X-Authentik-*"},
		"a named route":    {"&(app) {\nreverse_proxy localhost:3000\n}\na.example.com {\n" + gate + "handle_errors {\ninvoke app\n}\n}\n", "request_header -Remote-*"},
		"a snippet":        {"(app) {\nreverse_proxy localhost:3000\n}\na.example.com {\n" + gate + "handle_errors {\nimport app\n}\n}\n", "request_header -Remote-*"},
		"in a handle":      {"a.example.com {\n" + gate + "handle_errors {\nhandle /x/* {\nreverse_proxy localhost:3000\n}\n}\n}\n", "request_header -Remote-*"},
		"removed at times": {"a.example.com {\n" + gate + "handle_errors {\nrequest_header /x/* -Remote-*\nreverse_proxy localhost:3000\n}\n}\n", "request_header -Remote-*"},
		"removed of one":   {"a.example.com {\n" + gate + "handle_errors {\nrequest_header -Remote-User\nreverse_proxy localhost:3000\n}\n}\n", "request_header -Remote-*"},
		"removed beside":   {"a.example.com {\n" + gate + "handle_errors 404 {\nrequest_header -Remote-*\nrespond oh\n}\nhandle_errors 5xx {\nreverse_proxy localhost:3000\n}\n}\n", "request_header -Remote-*"},
		"removed by it":    {"a.example.com {\n" + gate + "handle_errors {\nreverse_proxy localhost:3000 {\nheader_up -Remote-*\n}\n}\n}\n", ""},
		"a second one":     {"a.example.com {\n" + gate + "handle_errors {\nreverse_proxy localhost:3001 {\nheader_up -Remote-*\nhandle_response {\nreverse_proxy localhost:3000\n}\n}\n}\n}\n", "request_header -Remote-*"},
		"a gate there":     {"a.example.com {\n" + gate + "handle_errors {\nauthentik https://auth.example.com {\nopen *\n}\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"a named gate":     {"&(gate) {\n" + gate + "}\na.example.com {\ninvoke gate\nhandle_errors {\nhandle /x/* {\nreverse_proxy localhost:3000\n}\n}\n}\n", "request_header -Remote-*"},
		"beside a named":   {"&(gate) {\n" + gate + "}\na.example.com {\ninvoke gate\n}\nb.example.com {\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"of every host":    {"a.example.com {\n" + gate + "}\n*.example.com {\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", "request_header -Remote-*"},
		"of other hosts":   {"a.example.com {\n" + gate + "handle_errors {\nrespond oh\n}\n}\n*.example.com {\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"of another host":  {"*.example.com {\n" + gate + "}\na.example.com {\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", ""},
		"no identity line": {"a.example.com {\nauthentik https://auth.example.com {\nheaders {\nX-User username\n}\n}\nhandle_errors {\nreverse_proxy localhost:3000\n}\n}\n", "request_header -X-User"},
	} {
		t.Run(name, func(t *testing.T) {
			checkWarning(t, tt.text, tt.want)
		})
	}
}

// authentik mails links to the host that it is told, so it must be one of the
// operator's.
func TestToldHosts_AreTheOperatorsNames(t *testing.T) {
	const gate = "\tauthentik https://auth.example.com {\n\t\t%s\n\t}\n\trespond ok\n"
	const write = "write site https://app.example.com, or list the names of the site in its address"
	page, relay := fmt.Sprintf(gate, "host page"), fmt.Sprintf(gate, "login relay")
	for name, tt := range map[string]struct{ text, mistake string }{
		"a name":                  {"app.example.com {\n" + page + "}\n", ""},
		"two names":               {"app.example.com, http://wiki.example.com:8080 {\n" + relay + "}\n", ""},
		"a port":                  {":8080 {\n" + page + "}\n", "host page: authentik is told the host of this site, and any client can make one up where the site has no names; " + write},
		"a port, relay":           {":443 {\n" + relay + "}\n", "login relay: authentik is told"},
		"a port, public":          {":443 {\n" + fmt.Sprintf(gate, "host public\nlogin relay") + "}\n", ""},
		"a port, own name":        {":8080 {\n" + fmt.Sprintf(gate, "host public") + "}\n", ""},
		"a port, site":            {":8080 {\n" + fmt.Sprintf(gate, "host page\nsite https://app.example.com") + "}\n", ""},
		"a wildcard":              {"*.example.com {\n" + page + "}\n", `matches "*.example.com"; ` + write},
		"a wildcard and a name":   {"app.example.org, *.example.com {\n" + page + "}\n", `matches "*.example.com"`},
		"a wildcard, site":        {"*.example.com {\n" + fmt.Sprintf(gate, "login relay\nsite https://app.example.com") + "}\n", ""},
		"a name below a wildcard": {"*.example.com {\n@app host app.example.com\nhandle @app {\n" + page + "}\n}\n", ""},
		"a path below a wildcard": {"*.example.com {\n@app path /app/*\nhandle @app {\n" + page + "}\n}\n", `matches "*.example.com"`},
		"an address":              {"http://192.0.2.1:8080 {\n" + page + "}\n", ""},
		"an address of IPv6":      {"http://[2001:db8::1]:8080 {\n" + page + "}\n", ""},
		"an underscore":           {"my_app.example.com {\n" + page + "}\n", `"my_app.example.com", which has an underscore`},
		"any host of a port":      {"http:// {\n" + page + "}\n", write},
		"handle_errors":           {"app.example.com {\nhandle_errors {\n" + page + "}\n}\n", write},
		"a named route":           {"&(gate) {\n" + page + "}\napp.example.com {\ninvoke gate\n}\n", write},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := validate(t, tt.text)
			if (err != nil) != (tt.mistake != "") || err != nil && !strings.Contains(err.Error(), tt.mistake) {
				t.Errorf("got the error %v, want %q", err, tt.mistake)
			}
		})
	}
}

// A placeholder that has the same value for every request is a name.
func TestToldHosts_MayBePlaceholders(t *testing.T) {
	t.Setenv("GATE_HOST", "app.example.com")
	for host, want := range map[string]string{"{env.GATE_HOST}": "", "{env.NO_SUCH_HOST}": "write site", "{http.request.host}": "write site"} {
		_, err := validate(t, "http://"+host+" {\n\tauthentik https://auth.example.com {\n\t\thost page\n\t}\n}\n")
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", host, err, want)
		}
	}
}
