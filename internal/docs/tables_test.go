package docs

import (
	"cmp"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// A row holds the cells of one row of a table.
type row []string

// table returns the rows of the first table in a text, without its head.
func table(t *testing.T, text string) (rows []row) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		line = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), `\|`, "\x00")
		var cells row
		for cell := range strings.SplitSeq(line, "|") {
			cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "\x00", "|"))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatal("got no table, want one")
	}
	return rows[2:]
}

// optionOf returns the option of a table's first cell, as JSON has it: url of
// `url <url>`, and page.title of `page { title <text> }`.
func optionOf(cell string) string {
	words := strings.Fields(strings.Trim(cell, "`"))
	switch {
	case len(words) > 2 && words[1] == "{" && !strings.Contains(cell, "…"):
		return words[0] + "." + words[2]
	case len(words) > 1 && words[0] == "require" && words[1] == "mfa":
		return "require_mfa"
	case len(words) > 1 && words[0] == "login" && words[1] == "at":
		return "login_at"
	case len(words) > 1 && words[0] == "sign_on":
		return words[0] + "." + words[1]
	default:
		return words[0]
	}
}

// newModule returns an empty configuration of a module of Caddy.
func newModule(t *testing.T, id string) any {
	t.Helper()
	info, err := caddy.GetModule(id)
	if err != nil {
		t.Fatal(err)
	}
	return info.New()
}

// fields returns the names of a configuration's fields in JSON, those of nested
// structs after the name of the struct and a dot.
func fields(of reflect.Type) (all []string) {
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct {
			all = append(all, name)
			continue
		}
		for _, nested := range fields(inner) {
			all = append(all, name+"."+nested)
		}
	}
	slices.Sort(all)
	return all
}

// configured returns the fields of a module.
func configured(t *testing.T, id string) []string {
	t.Helper()
	return fields(reflect.TypeOf(newModule(t, id)).Elem())
}

// topOptions returns the words that lines in the directive's block begin with.
func topOptions(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range configured(t, "http.handlers.authentik") {
		name, _, _ = strings.Cut(name, ".")
		all = append(all, name)
	}
	return all
}

// same fails if a document does not name exactly what there is.
func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := gocmp.Diff(slices.Compact(want), slices.Compact(got)); diff != "" {
		t.Errorf("%s (-want in the code +got in the document):\n%s", what, diff)
	}
}

// firstCells returns the first cell of each row, as a function reads it.
func firstCells(rows []row, read func(cell string) string) (all []string) {
	for _, r := range rows {
		all = append(all, read(r[0]))
	}
	return all
}

func TestOptions_TableNamesEachOption(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/options.md"), "## All options"))
	got := firstCells(rows, optionOf)
	want := configured(t, "http.handlers.authentik")
	// match stands before the block, or in it as only; headers, sign_on and
	// clients have pages of their own.
	want = slices.DeleteFunc(want, func(name string) bool {
		return name == "match" || strings.HasPrefix(name, "headers.") || strings.HasPrefix(name, "sign_on.") || strings.HasPrefix(name, "clients.")
	})
	same(t, "options", append(want, "headers", "only", "sign_on.form", "sign_on.basic", "clients"), got)
}

func TestSignOn_TableNamesEachOptionOfTheForm(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/sign-on.md"), "## A login form"))
	got := firstCells(rows, func(cell string) string { return strings.Fields(strings.Trim(cell, "`"))[0] })
	want := map[string]bool{}
	for _, name := range configured(t, "http.handlers.authentik") {
		if option, ok := strings.CutPrefix(name, "sign_on.form."); ok {
			option, _, _ = strings.Cut(option, ".")
			want[option] = true
		}
	}
	same(t, "options of sign_on form", slices.Collect(maps.Keys(want)), got)
}

func TestPrograms_TableNamesEachOption(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/programs.md"), "## All options"))
	got := firstCells(rows, func(cell string) string {
		if option := optionOf(cell); option != "clients" {
			return option
		}
		return "clients.schemes"
	})
	want := configured(t, "http.handlers.authentik")
	want = slices.DeleteFunc(want, func(name string) bool { return !strings.HasPrefix(name, "clients.") })
	same(t, "options of clients", want, got)
}

func TestOptions_TableHasTheDefaultsOfTheGate(t *testing.T) {
	t.Parallel()
	code := sources(t, "proxy")
	for _, r := range table(t, section(t, read(t, "docs/options.md"), "## All options")) {
		option := optionOf(r[0])
		switch option {
		case "lifetime", "recheck", "grace":
			name := strings.ToUpper(option[:1]) + option[1:]
			got, err := caddy.ParseDuration(strings.Trim(r[2], "`"))
			if want := defaultOf(t, code, name); err != nil || got != want {
				t.Errorf("%s: got default %s (%v), want %v", option, r[2], err, want)
			}
		case "cookie.name", "prefix":
			field := map[string]string{"cookie.name": `Cookie\.Name`, "prefix": "Prefix"}[option]
			want := found(t, `cfg\.`+field+` = "([^"]+)"`, code)[0]
			if got := strings.Trim(r[2], "`"); got != want {
				t.Errorf("%s: got default %s, want %s", option, got, want)
			}
		}
	}
}

// defaultOf returns the default of one of the gate's durations.
func defaultOf(t *testing.T, code, name string) time.Duration {
	t.Helper()
	match := regexp.MustCompile(`cfg\.` + name + ` = (?:new\()?(\d+) \* time\.(Minute|Hour)`).FindStringSubmatch(code)
	if match == nil {
		t.Fatalf("got no default of %s in package proxy, want one", name)
	}
	d, err := time.ParseDuration(match[1] + strings.ToLower(match[2][:1]))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSeveralCaddys_TableNamesEachOptionOfRedis(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/several-caddys.md"), "## Options of `sessions redis`"))
	// In JSON two options have longer names, and the key has one of its own.
	inJSON := map[string]string{"address": "addresses", "tls.cert": "tls.certificate", "tls": "tls.key"}
	got := firstCells(rows, func(cell string) string { return cmp.Or(inJSON[optionOf(cell)], optionOf(cell)) })
	same(t, "options of redis", configured(t, "http.handlers.authentik.sessions.redis"), got)
}

func TestSessions_TableNamesEachStore(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/sessions.md"), "## Where they are kept"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(strings.Fields(cell)[0], "`") })
	var want []string
	for _, module := range caddy.GetModules("http.handlers.authentik.sessions") {
		want = append(want, module.ID.Name())
	}
	same(t, "stores", want, got)
}

func TestSessions_TableNamesEachCookie(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/sessions.md"), "## Cookies"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(cell, "`") })
	code := sources(t, "proxy")
	want := []string{"__Host-" + found(t, `cfg\.Cookie\.Name = "([^"]+)"`, code)[0]}
	same(t, "cookies", append(want, found(t, `"(__Host-[a-z_]+)"`, code)...), slices.DeleteFunc(got, func(name string) bool {
		return name == "__Secure-authentik_back…" // has a number
	}))
}

func TestHeaders_TableNamesEachHeaderOfThePresets(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range table(t, read(t, "docs/headers.md")) {
		if name := strings.Trim(r[1], "`"); name != "none" {
			got = append(got, name)
		}
	}
	same(t, "headers", found(t, `Name: "((?:Remote|X-Authentik)-[A-Za-z-]+)"`, sources(t, "proxy")), got)
}

func TestHeaders_TableNamesEachPlaceholder(t *testing.T) {
	t.Parallel()
	const placeholder = "`(\\{http\\.auth\\.user\\.[A-Za-z_.]+\\})` \\|"
	documented := found(t, "(?m)^\\| "+placeholder, section(t, read(t, "docs/headers.md"), "## Placeholders"))
	same(t, "placeholders", found(t, "(?m)^// "+placeholder, sources(t, "caddymodule")), documented)
}

func TestTroubleshooting_TableNamesEachCode(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/troubleshooting.md"), "## Codes"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(cell, "`") })
	var want []string
	for _, code := range fault.Codes() {
		want = append(want, string(code))
	}
	same(t, "codes", want, got)
}

// The status in the table is the one that the gate responds with.
func TestTroubleshooting_TableHasTheStatusOfEachCode(t *testing.T) {
	t.Parallel()
	for _, r := range table(t, section(t, read(t, "docs/troubleshooting.md"), "## Codes")) {
		if len(r) != 4 || r[2] == "" || r[3] == "" {
			t.Errorf("got %q, want a code, its status, its meaning and a remedy", r)
			continue
		}
		if want := fault.New(fault.Code(strings.Trim(r[0], "`")), nil).Status; r[1] != strconv.Itoa(want) {
			t.Errorf("%s: got status %s, want %d", r[0], r[1], want)
		}
	}
}

func TestTroubleshooting_TableNamesEachMetric(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/troubleshooting.md"), "## Metrics"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(cell, "`") })
	code := sources(t, "caddymodule")
	want := found(t, `"(caddy_authentik_[a-z_]+)"`, code)
	for _, name := range found(t, `(?:counters|timers)\("([a-z_]+)"`, code) {
		want = append(want, "caddy_authentik_"+name)
	}
	same(t, "metrics", want, got)
}

// The messages in the table are those that the code logs.
func TestTroubleshooting_LogMessagesAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	code := sources(t, "proxy", "caddymodule")
	for _, r := range table(t, section(t, read(t, "docs/troubleshooting.md"), "## The log")) {
		if message := strings.Trim(r[0], "`"); !strings.Contains(code, `"`+message+`"`) {
			t.Errorf("got no line that logs %q, want one", message)
		}
	}
}

// What the gate suspects in a loop is on the page in the same number of points.
func TestTroubleshooting_SaysWhatIsSuspectedInALoop(t *testing.T) {
	t.Parallel()
	points := strings.Count(section(t, read(t, "docs/troubleshooting.md"), "## Sign-in loops"), "\n* **")
	if want := len(found(t, `"(loop_[a-z_]+)"`, sources(t, "proxy"))); points != want {
		t.Errorf("got %d causes, want %d", points, want)
	}
}

func TestGlossary_BeginsWithTheSevenWords(t *testing.T) {
	t.Parallel()
	rows := table(t, read(t, "docs/glossary.md"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(cell, "*") })
	want := []string{"gate", "decision", "visit", "step", "challenge", "answer", "session"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("seven words (-want +got):\n%s", diff)
	}
}

func TestSessions_TableNamesTheAdminAPI(t *testing.T) {
	t.Parallel()
	rows := table(t, section(t, read(t, "docs/sessions.md"), "### Admin API"))
	got := firstCells(rows, func(cell string) string { return strings.Trim(cell, "`") })
	code := sources(t, "caddymodule")
	var want []string
	for _, match := range regexp.MustCompile(`(?m)^//\t(GET|DELETE) +(/authentik/sessions\S*)`).FindAllStringSubmatch(code, -1) {
		want = append(want, match[1]+" "+match[2])
	}
	same(t, "addresses of the admin API", want, got)
}
