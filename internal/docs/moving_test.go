package docs

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// moving is the directory with a page for each tool that people move from.
const moving = "docs/moving"

func movingPages(t *testing.T) (all []string) {
	t.Helper()
	for _, page := range filesBelow(t, moving, func(path string) bool { return strings.HasSuffix(path, ".md") }) {
		if path.Base(page) != "README.md" {
			all = append(all, page)
		}
	}
	if len(all) < 5 {
		t.Fatalf("got %d pages, want at least 5: %v", len(all), all)
	}
	return all
}

func TestMoving_IndexLinksEveryPage(t *testing.T) {
	t.Parallel()
	index := read(t, moving+"/README.md")
	for _, page := range movingPages(t) {
		if !strings.Contains(index, "]("+path.Base(page)+")") {
			t.Errorf("%s/README.md: got no link to %s, want one", moving, page)
		}
	}
}

// beside are words of a Caddyfile, and values, that stand in the tables besides
// the options of the gate.
var beside = []string{
	"respond", "reverse_proxy", "file_server", "servers", "client_ip", "method", "query", "path", "path_regexp", "header_up",
	"Authorization", "access_token", "fetch", "authentik", "ak_proxy", "only",
}

// What is to be written instead must exist.
func TestMoving_TablesNameOptionsThatExist(t *testing.T) {
	t.Parallel()
	quoted := regexp.MustCompile("`([^`]+)`")
	options := append(topOptions(t), beside...)
	for _, page := range movingPages(t) {
		text := read(t, page)
		rows := table(t, section(t, text, "## Option by option"))
		if len(rows) < 10 {
			t.Errorf("%s: got %d options, want at least 10", page, len(rows))
		}
		for _, r := range rows {
			if len(r) != 2 || r[1] == "" {
				t.Errorf("%s: got %q, want an option and what is written here", page, r)
				continue
			}
			for _, match := range quoted.FindAllStringSubmatch(r[1], -1) {
				word := regexp.MustCompile(`^[A-Za-z_]*`).FindString(match[1])
				if word != "" && !slices.Contains(options, word) && !strings.HasPrefix(word, "X_") && word != "X" {
					t.Errorf("%s: %s: got the option %s, want one that exists", page, r[0], word)
				}
			}
		}
		for _, heading := range []string{"## What becomes better", "## What is not there"} {
			if !strings.Contains(section(t, text, heading), "\n* ") {
				t.Errorf("%s: %s: got no point, want some", page, heading)
			}
		}
	}
}

// Each row of the comparison has a cell for each tool.
func TestMoving_ComparisonIsWhole(t *testing.T) {
	t.Parallel()
	for _, r := range table(t, section(t, read(t, moving+"/README.md"), "## What each can do")) {
		if len(r) != 7 || slices.Contains(r, "") {
			t.Errorf("got %d cells in %q, want 7", len(r), r)
		}
	}
}

// Not parallel: Caddy's log is one for the process.
func TestMoving_CaddyLoadsEveryCaddyfile(t *testing.T) {
	checked := 0
	for _, b := range blocks(t, "caddyfile") {
		if !strings.HasPrefix(b.path, moving+"/") {
			continue
		}
		checked++
		log, err := loaded(t, b.text)
		if err != nil || len(log) > 0 {
			t.Errorf("%s: got %v and the warnings %q, want neither, for\n%s", b.path, err, log, b.text)
		}
	}
	if checked < 7 {
		t.Errorf("got %d Caddyfiles, want at least 7", checked)
	}
}

// sites is the directory with whole Caddyfiles to copy.
const sites = "examples/sites"

// globalBlock matches the global options of a Caddyfile, which loaded has itself.
var globalBlock = regexp.MustCompile(`(?ms)^\{\n.*?^\}\n`)

// Not parallel: Caddy's log is one for the process.
func TestSites_CaddyLoadsEachWithoutAWarning(t *testing.T) {
	files := filesBelow(t, sites, func(path string) bool { return strings.HasSuffix(path, "/Caddyfile") })
	if len(files) < 4 {
		t.Fatalf("got %v, want at least 4", files)
	}
	index := read(t, sites+"/README.md")
	for _, file := range files {
		if !strings.Contains(index, "]("+strings.TrimPrefix(file, sites+"/")+")") {
			t.Errorf("%s/README.md: got no link to %s, want one", sites, file)
		}
		text := globalBlock.ReplaceAllString(read(t, file), "")
		log, err := loaded(t, text)
		if err != nil || len(log) > 0 {
			t.Errorf("%s: got %v and the warnings %q, want neither", file, err, log)
		}
	}
}

// fromLabels makes the Caddyfile of a container's labels, as caddy-docker-proxy
// does: each dot is a block, and values are arguments.
func fromLabels(labels map[string]string) string {
	type node struct {
		args string
		in   map[string]*node
	}
	root := &node{in: map[string]*node{}}
	for key, value := range labels {
		at := root
		for part := range strings.SplitSeq(key, ".") {
			if at.in[part] == nil {
				at.in[part] = &node{in: map[string]*node{}}
			}
			at = at.in[part]
		}
		at.args = value
	}
	var write func(n *node, name, indent string) string
	write = func(n *node, name, indent string) string {
		line := strings.TrimSpace(name + " " + n.args)
		if len(n.in) == 0 {
			return indent + line + "\n"
		}
		text := indent + line + " {\n"
		for _, inner := range slices.Sorted(func(yield func(string) bool) {
			for name := range n.in {
				if !yield(name) {
					return
				}
			}
		}) {
			text += write(n.in[inner], inner, indent+"\t")
		}
		return text + indent + "}\n"
	}
	return write(root.in["caddy"], "", "")
}

func TestSites_LabelsMakeACaddyfile(t *testing.T) {
	var compose struct {
		Services map[string]struct{ Labels map[string]string }
	}
	if err := yaml.Unmarshal([]byte(read(t, sites+"/docker-proxy/compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name, service := range compose.Services {
		if len(service.Labels) == 0 {
			continue
		}
		checked++
		text := strings.ReplaceAll(fromLabels(service.Labels), "{{upstreams 3000}}", name+":3000")
		if log, err := loaded(t, text); err != nil || len(log) > 0 {
			t.Errorf("%s: got %v and the warnings %q, want neither, for\n%s", name, err, log, text)
		}
	}
	if checked < 2 {
		t.Errorf("got %d services with labels, want at least 2", checked)
	}
}
