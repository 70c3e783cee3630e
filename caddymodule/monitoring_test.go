package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/telemetry"
	"github.com/flowsidecar/caddy-authentik/internal/processtest"
	"github.com/flowsidecar/caddy-authentik/internal/testsite"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// monitoring has the dashboard and the rules.
const monitoring = "../examples/monitoring"

// queries returns the queries of the dashboard and of the rules, by what has them.
func queries(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	readAs(t, "dashboard.json", json.Unmarshal, &dashboard)
	for _, panel := range dashboard.Panels {
		for i, target := range panel.Targets {
			all[fmt.Sprintf("%s, %d", panel.Title, i+1)] = strings.NewReplacer("$site", ".*", "$__rate_interval", "1m").Replace(target.Expr)
		}
	}
	if len(all) < 10 {
		t.Fatalf("got %d queries of the dashboard, want at least 10", len(all))
	}
	for _, rule := range alerts(t) {
		all[rule.Alert] = rule.Expr
	}
	return all
}

// An alert is one rule.
type alert struct{ Alert, Expr string }

func alerts(t testing.TB) (all []alert) {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	readAs(t, "alerts.yml", yaml.Unmarshal, &file)
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) < 5 {
		t.Fatalf("got %d rules, want at least 5", len(all))
	}
	return all
}

func readAs(t testing.TB, name string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoring, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := unmarshal(text, into); err != nil {
		t.Fatalf("%s: got error %v, want none", name, err)
	}
}

// described returns the labels of each metric that the gate has.
func described(t testing.TB) map[string][]string {
	t.Helper()
	descriptions := make(chan *prometheus.Desc, 100)
	registry := prometheus.NewRegistry()
	if _, err := telemetry.New(registry, "memory", telemetry.AnySite); err != nil {
		t.Fatal(err)
	}
	registry.Describe(descriptions)
	close(descriptions)
	shape := regexp.MustCompile(`fqName: "([a-z_]+)".*variableLabels: \{([a-z_,]*)\}`)
	all := map[string][]string{}
	for d := range descriptions {
		match := shape.FindStringSubmatch(d.String())
		if match == nil {
			t.Fatalf("got %s, want a name and labels", d)
		}
		all[match[1]] = strings.Split(match[2], ",")
	}
	return all
}

// closed are the values that labels may have.
func closed() map[string][]string {
	codes := []string{}
	for _, code := range fault.Codes() {
		codes = append(codes, string(code))
	}
	return map[string][]string{
		"code": codes, "endpoint": telemetry.Endpoints(), "decision": telemetry.Decisions(),
		"outcome": {"asked", "accepted", "refused", "failed", "slowed", "admitted", "denied"},
	}
}

func TestMonitoring_NamesMetricsAndLabelsThatExist(t *testing.T) {
	t.Parallel()
	known, values := described(t), closed()
	selector := regexp.MustCompile(`(caddy_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`([a-z_]+)(?:=~|!=|=)"([^"]*)"`)
	grouping := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	used := map[string]bool{}
	for where, query := range queries(t) {
		labels := []string{}
		for _, match := range selector.FindAllStringSubmatch(query, -1) {
			name := match[1]
			if _, there := known[name]; !there {
				name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
				labels = append(labels, "le")
			}
			if _, there := known[name]; !there {
				t.Errorf("%s: got the metric %s, want one that exists", where, match[1])
			}
			used[name] = true
			labels = append(labels, known[name]...)
			for _, m := range matcher.FindAllStringSubmatch(match[2], -1) {
				if !slices.Contains(known[name], m[1]) {
					t.Errorf("%s: got the label %[3]s of %[2]s, want one that it has", where, name, m[1])
				}
				for value := range strings.SplitSeq(m[2], "|") {
					if set := values[m[1]]; set != nil && !slices.Contains(set, value) {
						t.Errorf("%s: got the value %[3]q of %[2]s, want one that it can have", where, m[1], value)
					}
				}
			}
		}
		for _, match := range grouping.FindAllStringSubmatch(query, -1) {
			for label := range strings.SplitSeq(match[1], ", ") {
				if !slices.Contains(labels, label) {
					t.Errorf("%s: got the label %[3]s, want one that a metric in %[2]s has", where, query, label)
				}
			}
		}
	}
	for name := range known {
		if !used[name] {
			t.Errorf("got %s in neither the dashboard nor a rule, want it shown", name)
		}
	}
}

// Grafana places a panel by its grid, finds it by its id, and reads its data by
// letters. What overlaps or is there twice would be moved or lost at the import.
func TestMonitoring_DashboardHasAWellFormedGrid(t *testing.T) {
	t.Parallel()
	type target struct{ Expr, RefID string }
	var dashboard struct {
		SchemaVersion int
		Panels        []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Datasource  struct{ Type, UID string }
			Targets     []target
		}
	}
	readAs(t, "dashboard.json", json.Unmarshal, &dashboard)
	if dashboard.SchemaVersion < 36 {
		t.Errorf("got schema %d, want one with data sources by uid", dashboard.SchemaVersion)
	}
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if other, twice := ids[p.ID]; twice || p.ID <= 0 {
			t.Errorf("%s: got the id %d, which %q has, want its own", p.Title, p.ID, other)
		}
		ids[p.ID] = p.Title
		g := p.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s: got the place %+v, want one within 24 columns", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, taken := cells[[2]int{x, y}]; taken {
					t.Fatalf("%s: got a place that %s has, want its own", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: got the data source %+v and %d queries, want the one that is chosen, and some", p.Title, p.Datasource, len(p.Targets))
		}
		letters := map[string]bool{}
		for _, one := range p.Targets {
			if one.RefID == "" || letters[one.RefID] || one.Expr == "" {
				t.Errorf("%s: got the query %+v, want one with a letter of its own", p.Title, one)
			}
			letters[one.RefID] = true
		}
	}
}

// installed returns the path of a program that tests need, or skips the test. In CI
// it must be there.
func installed(t testing.TB, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("got no program %s, want it; install the package %s", name, from)
	}
	if err != nil {
		t.Skipf("%s is missing; install the package %s to run this test", name, from)
	}
	return path
}

func TestMonitoring_PromtoolAcceptsTheRules(t *testing.T) {
	t.Parallel()
	promtool := installed(t, "promtool", "prometheus")
	for _, args := range []string{"check rules alerts.yml", "test rules alerts_test.yml", "check config prometheus.yml"} {
		cmd := exec.CommandContext(t.Context(), promtool, strings.Fields(args)...) //nolint:gosec // the program is the machine's own
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: got error %v, want none\n%s", args, err, out)
		}
	}
}

// TestMonitoring_PrometheusAnswersEveryQuery scrapes a Caddy in which users have
// signed in, and asks each query of the dashboard and of the rules.
func TestMonitoring_PrometheusAnswersEveryQuery(t *testing.T) {
	o := newTerminal(t, oneLine)
	path := installed(t, "prometheus", "prometheus")
	if err := o.try("metrics\n\tadmin "+o.api, "SITE {\n\tauthentik AUTHENTIK {\n\t\trequire group staff\n\t\tclients basic\n\t}\n\treverse_proxy APP\n}\n"); err != nil {
		t.Fatal(err)
	}
	o.browser().signIn("/", "ada")
	bob := o.browser()
	bob.signIn("/", "bob")
	bob.expect(bob.get("/"), http.StatusForbidden, "not-allowed")
	program := o.browser()
	program.header = http.Header{"Authorization": {"Basic YWRhOndyb25n"}} // ada:wrong
	program.expect(program.get("/"), http.StatusUnauthorized, "sign-in-required")

	dir, address := t.TempDir(), processtest.Free(t)
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n  - {job_name: caddy, static_configs: [{targets: [%q]}]}\n", o.api)
	if err := os.WriteFile(dir+"/prometheus.yml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(processtest.Log)
	cmd := exec.CommandContext(t.Context(), path, "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address="+address) //nolint:gosec // the program is the machine's own
	cmd.Stdout, cmd.Stderr = log, log
	p := processtest.Start(t, cmd)
	t.Cleanup(p.Kill)

	ask := func(query string) (status string, results int) {
		res, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query)) //nolint:noctx // of this test
		if err != nil {
			return err.Error(), 0
		}
		defer func() { _ = res.Body.Close() }()
		var said struct {
			Status, Error string
			Data          struct{ Result []json.RawMessage }
		}
		body, _ := io.ReadAll(res.Body)
		if err := json.Unmarshal(body, &said); err != nil {
			return fmt.Sprintf("%v: %s", err, body), 0
		}
		return said.Status + said.Error, len(said.Data.Result)
	}
	testsite.Eventually(t, "two scrapes", func() bool {
		_, n := ask(`count_over_time(caddy_authentik_signins_total{outcome="admitted"}[1m]) > 1`) //nolint:misspell // the documented name
		return n > 0
	})
	for where, query := range queries(t) {
		if status, _ := ask(query); status != "success" {
			t.Errorf("%s: got %s for %s", where, status, query)
		}
	}
	// What has happened here is in the metrics themselves.
	for name, labels := range described(t) {
		if name == "caddy_authentik_headers_left_out_total" || name == "caddy_authentik_sessions_ended_total" {
			continue
		}
		if slices.Contains(labels, "operation") || slices.Contains(labels, "endpoint") || strings.HasSuffix(name, "_seconds") {
			name += "_count"
		}
		if status, n := ask(name); n == 0 {
			t.Errorf("got %s and no value of %s, want some\n%s", status, name, log)
		}
	}
	if _, n := ask(`caddy_authentik_refusals_total{code="not-allowed"} > 0`); n == 0 { // of this site and of earlier tests
		t.Error("got no value for the refusal, want one")
	}
}
