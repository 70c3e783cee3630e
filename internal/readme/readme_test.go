package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/google/go-cmp/cmp"

	_ "github.com/flowsidecar/caddy-authentik/caddymodule"
)

// read returns a file of the repository, which must hold something.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		t.Fatalf("%s is empty", path)
	}
	return string(text)
}

// found returns what the first group of a pattern matches, sorted, and fails
// if it matches nothing.
func found(t *testing.T, pattern, text string) []string {
	t.Helper()
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Fatalf("%s is found nowhere", pattern)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// section is what stands between a heading and the next.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, after, there := strings.Cut(text, "\n"+heading+"\n")
	if !there {
		t.Fatalf("there is no section %q", heading)
	}
	within, _, _ := strings.Cut(after, "\n#")
	return within
}

func TestItOpensWithTheTwoCommands(t *testing.T) {
	t.Parallel()
	const want = "# caddy-authentik\n\n    go run ./cmd/caddy authentik demo\n    go test ./...\n"
	if readme := read(t, "README.md"); !strings.HasPrefix(readme, want) {
		t.Errorf("it opens with %.100q", readme)
	}
}

func TestItsCaddyfilesAreOnesThatCaddyReads(t *testing.T) {
	t.Parallel()
	adapter := caddyconfig.GetAdapter("caddyfile")
	for _, block := range found(t, "(?s)```caddyfile\n(.*?)```", read(t, "README.md")) {
		site := block
		switch {
		case strings.Contains(block, "<option>"):
			continue // the picture of the syntax
		case strings.Contains(block, "client_id") && strings.Contains(read(t, "caddymodule/later.go"), `"client_id":`):
			continue // until Caddy is given OpenID Connect
		case strings.HasPrefix(block, "headers"):
			site = "example.com {\nauthentik https://auth.example.com {\n" + block + "}\n}"
		case !strings.HasPrefix(block, "app.example.com"):
			site = "example.com {\n" + block + "}"
		}
		if _, warnings, err := adapter.Adapt([]byte(site), nil); err != nil {
			t.Errorf("%v in\n%s", err, block)
		} else if strings.HasPrefix(block, "app.example.com") && len(warnings) > 0 {
			t.Errorf("%v in\n%s", warnings, block)
		}
	}
}

func TestItExplainsEveryCode(t *testing.T) {
	t.Parallel()
	codes := found(t, `Code\w+\s+Code = "([a-z-]+)"`, read(t, "proxy/errors.go"))
	explained := found(t, "(?m)^\\| `([a-z-]+)` \\| [45]", section(t, read(t, "README.md"), "## Codes"))
	if diff := cmp.Diff(codes, explained); diff != "" {
		t.Error("the codes of package proxy and those that are explained:\n" + diff)
	}
}

func TestItNamesEveryOption(t *testing.T) {
	t.Parallel()
	options := found(t, `(?m)^\t\t\{"([a-z_ ]+)", &h\.`, read(t, "caddymodule/config.go"))
	table := section(t, read(t, "README.md"), "## Options")
	for _, option := range append(options, "max_per_user", "trust", "sessions", "cookie persistent") {
		block, inner, nested := strings.Cut(option, " ")
		row := "| `" + block
		if nested {
			row += " { " + inner
		}
		if !strings.Contains(table, row) {
			t.Errorf("no row begins with %q", row)
		}
	}
}

func TestItSaysOfEveryOptionThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	options := found(t, `(?m)^\t"([a-z_ ]+)":`, read(t, "caddymodule/later.go"))
	missing := section(t, read(t, "README.md"), "### What is not there yet")
	for _, option := range options {
		_, inner, nested := strings.Cut(option, " ")
		if nested {
			option = inner
		}
		if !regexp.MustCompile("[` ]" + option + "[`, ]").MatchString(missing) {
			t.Errorf("%s is not spoken of", option)
		}
	}
}

func TestItsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"README.md", "CHANGELOG.md", "SECURITY.md"} {
		text := read(t, file)
		for _, match := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			target := match[1]
			switch {
			case strings.HasPrefix(target, "https://"):
			case strings.HasPrefix(target, "#"):
				if !slices.Contains(anchors(text), target[1:]) {
					t.Errorf("%s: there is no heading for %s", file, target)
				}
			default:
				read(t, target)
			}
		}
	}
}

// anchors are the names of the headings, as the usual renderers make them.
func anchors(text string) []string {
	var all []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(strings.ToLower(match[1]), " ", "-"))
	}
	return all
}
