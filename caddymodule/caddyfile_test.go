package caddymodule

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

var update = flag.Bool("update", false, "write what is got into the golden files")

// between stands between a Caddyfile and its result.
const between = "----------\n"

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/caddyfile/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d golden files, error %v, want some", len(files), err)
	}
	return files
}

func golden(t testing.TB, file string) (input, want string) {
	t.Helper()
	both, err := os.ReadFile(file) //nolint:gosec // from the list of golden files
	if err != nil {
		t.Fatal(err)
	}
	input, want, found := strings.Cut(string(both), between)
	if !found && !*update {
		t.Fatalf("got no line %q in %s, want one", between, file)
	}
	return input, strings.ReplaceAll(want, "<languages>", languages())
}

// languages are those that pages have words in. Golden files leave them open: another
// one changes none of them.
func languages() string {
	_, list, _ := strings.Cut(proxy.CheckPageLanguage("-").Error(), "write one of ")
	return list
}

// adapt returns the JSON of a Caddyfile, or the text of its mistakes.
func adapt(t testing.TB, input string) string {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	for _, w := range warnings {
		if strings.Contains(w.Message, "not formatted") {
			continue
		}
		t.Errorf("got the warning %v, want none", w)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return pretty.String() + "\n"
}

// checkGolden compares what is made of a golden file's input with what it says,
// or writes it there.
func checkGolden(t *testing.T, file string, of func(t testing.TB, input string) string) {
	t.Helper()
	input, want := golden(t, file)
	got := of(t, input)
	if *update {
		if err := os.WriteFile(file, []byte(input+between+strings.ReplaceAll(got, languages(), "<languages>")), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func TestCaddyfile_AdaptsAsInTheGoldenFiles(t *testing.T) {
	t.Parallel()
	for _, file := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".caddyfiletest"), func(t *testing.T) {
			t.Parallel()
			checkGolden(t, file, adapt)
		})
	}
}

// Each option is read in some golden file, and a value of it is refused in
// another.
func TestOptions_HaveGoldenFiles(t *testing.T) {
	t.Parallel()
	var read, refused strings.Builder
	for _, file := range goldenFiles(t) {
		input, want := golden(t, file)
		if strings.HasPrefix(want, "error: ") {
			refused.WriteString(want)
		} else {
			read.WriteString(input)
		}
	}
	for _, s := range new(Handler).settings() {
		_, option, nested := strings.Cut(s.Name, " ")
		if !nested {
			option = s.Name
		}
		if !strings.Contains(read.String(), "\t"+option+" ") {
			t.Errorf("got no golden file that reads %s, want one", s.Name)
		}
		if !strings.Contains(refused.String(), s.Name+":") {
			t.Errorf("got no golden file that refuses a value of %s, want one", s.Name)
		}
	}
}

// The example of each option must be one that is taken, with what it needs.
func TestOptions_HaveValidExamples(t *testing.T) {
	t.Parallel()
	needs := map[string]string{
		"client_id":     "application wiki",
		"client_secret": "application wiki\nclient_id wiki",
		"max_age":       "application wiki\nclient_id wiki",
		"step_up":       "login_host",

		"assertion audience": "site https://app.example.com\nheaders {\nX-Assertion assertion\n}",
		"assertion lifetime": "site https://app.example.com\nheaders {\nX-Assertion assertion\n}",
	}
	for _, s := range new(Handler).settings() {
		block, option, nested := strings.Cut(s.Name, " ")
		lines := s.Example
		if nested {
			lines = block + " {\n" + s.Example + "\n}"
		} else {
			option = s.Name
		}
		if !strings.HasPrefix(s.Example, option+" ") {
			t.Errorf("got the example %s of %s, want it to begin with the option", s.Example, s.Name)
		}
		input := "authentik {\nurl https://auth.example.com\n" + lines + "\n" + needs[s.Name] + "\n}"
		if option == "url" {
			input = "authentik {\n" + lines + "\n}"
		}
		if err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(input)); err != nil {
			t.Errorf("%s: got error %v, want none", s.Name, err)
		}
	}
}

// What is adapted is also what JSON reads: no option is lost on the way.
func TestCaddyfile_WritesJSONThatIsReadBack(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"all_options", "openid_connect_all_options"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			checkRoundTrip(t, "testdata/caddyfile/"+file+".caddyfiletest")
		})
	}
}

func checkRoundTrip(t *testing.T, file string) {
	t.Helper()
	input, _ := golden(t, file)
	_, block, _ := strings.Cut(input, "authentik ")
	d := caddyfile.NewTestDispenser("authentik " + strings.TrimSuffix(strings.TrimSpace(block), "}"))
	var parsed, read Handler
	if err := parsed.UnmarshalCaddyfile(d); err != nil {
		t.Fatal(err)
	}
	written, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	strict := json.NewDecoder(bytes.NewReader(written))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&read); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), string(again)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

func FuzzDirective(f *testing.F) {
	for _, file := range goldenFiles(f) {
		input, _ := golden(f, file)
		if _, block, found := strings.Cut(input, "authentik"); found {
			f.Add("authentik" + block)
		}
	}
	for _, input := range []string{"", "{", "authentik", "authentik {", "authentik {\n{\n}\n}", "authentik \"\" {\ncookie {\n{\n}\n}\n}", "authentik `{env.X` {\nheaders {\n\"\" \"\"\n}\n}"} {
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, input string) {
		tokens, err := caddyfile.Tokenize([]byte(input), "Caddyfile")
		if err != nil {
			return
		}
		h := new(Handler)
		err = h.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens))
		if err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Error("got an error without a text, want one")
		}
		if err == nil && h.URL == "" {
			t.Error("got a gate without an authentik, want an error")
		}
	})
}
