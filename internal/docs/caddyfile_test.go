package docs

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

// whole makes a Caddyfile of an example in a document, which may be a part of a
// site, or some options of the directive.
func whole(example string, options []string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(example), " ")
	switch {
	case slices.Contains(options, first):
		return "example.com {\n\tauthentik https://auth.example.com {\n" + example + "\t}\n}\n"
	case first == "authentik" || strings.HasPrefix(first, "@"):
		return "example.com {\n" + example + "}\n"
	default:
		return example
	}
}

func TestDocument_CaddyReadsEveryCaddyfile(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "caddyfile") {
		text := whole(b.text, topOptions(t))
		// Options that only OpenID Connect has are shown without it.
		if strings.Contains(text, "access_token") && !strings.Contains(text, "client_id") {
			const directive = "authentik https://auth.example.com {\n"
			text = strings.Replace(text, directive, directive+"application app\nclient_id app\n", 1)
		}
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil); err != nil {
			t.Errorf("%s: got error %v, want none in\n%s", b.path, err, b.text)
		}
		if formatted := string(caddyfile.Format([]byte(b.text))); strings.TrimSpace(formatted) != strings.TrimSpace(b.text) {
			t.Errorf("%s: got another format, want that of caddy fmt:\n%s", b.path, b.text)
		}
	}
}

func TestDocument_EveryJSONIsValid(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t, "json") {
		if !json.Valid([]byte(b.text)) {
			t.Errorf("%s: got invalid JSON, want it valid:\n%s", b.path, b.text)
		}
	}
}

// The handler in docs/options.md has no field that the module does not know.
func TestOptions_HandlerInJSONIsKnown(t *testing.T) {
	t.Parallel()
	text := section(t, read(t, "docs/options.md"), "## JSON")
	_, text, _ = strings.Cut(text, "```json\n")
	text, _, _ = strings.Cut(text, "```")
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var handler map[string]json.RawMessage
	if err := decoder.Decode(&handler); err != nil {
		t.Fatal(err)
	}
	if string(handler["handler"]) != `"authentik"` {
		t.Errorf("got handler %s, want authentik", handler["handler"])
	}
	delete(handler, "handler")
	rest, err := json.Marshal(handler)
	if err != nil {
		t.Fatal(err)
	}
	decoder = json.NewDecoder(strings.NewReader(string(rest)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(newModule(t, "http.handlers.authentik")); err != nil {
		t.Error(err)
	}
}

func TestExamples_CaddyReadsTheirCaddyfiles(t *testing.T) {
	t.Parallel()
	files := filesBelow(t, "examples", func(path string) bool { return strings.HasSuffix(path, "Caddyfile") })
	if len(files) < 2 {
		t.Fatalf("got %v, want those of examples/replicas", files)
	}
	for _, file := range append(files, "Caddyfile.example") {
		_, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(read(t, file)), nil)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: got %v %v, want no error or warning", file, err, warnings)
		}
	}
}

// Every file that the compose file names exists, or the comment at its top
// says how to make it.
func TestExamples_FilesOfTheComposeFileExist(t *testing.T) {
	t.Parallel()
	compose := read(t, "examples/replicas/compose.yaml")
	for _, name := range found(t, `\./([A-Za-z_.]+)`, compose) {
		if strings.Contains(compose, ">"+name+"\n") {
			continue
		}
		if _, err := os.Stat(root + "/examples/replicas/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range found(t, `\{file\./run/secrets/([a-z_]+)\}`, read(t, "examples/replicas/Caddyfile")) {
		if !regexp.MustCompile(`secrets: \[[^\]]*\b` + name + `\b`).MatchString(compose) {
			t.Errorf("got no secret %s for the Caddys in compose.yaml, want it", name)
		}
	}
}
