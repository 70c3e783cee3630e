package telemetry

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMetrics_CanBeRegisteredTwice(t *testing.T) {
	t.Parallel()
	for range 2 {
		registry := prometheus.NewRegistry()
		for range 2 {
			if _, err := New(registry, "memory", AnySite); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range processMetrics().collectors {
			if !registry.Unregister(c) {
				t.Errorf("got %v unregistered, want every collector registered", c)
			}
		}
	}
}

func TestMetrics_OfAnotherKindWithOurNameAreAnError(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(counters("steps_total", "Something else.", "other"))
	if _, err := New(registry, "memory", AnySite); err == nil {
		t.Error("a collector that cannot be registered is no error")
	}
}

func TestMetrics_HaveTheDocumentedNamesAndLabels(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := New(registry, "memory", AnySite)
	if err != nil {
		t.Fatal(err)
	}
	m.Decision("pass")
	m.Decision("something new")
	m.Step("ak-stage-password", "shown")
	m.Step("ak-stage-of-next-year", "shown")
	m.Program("basic", "accepted")
	m.SignIn("session", "admitted")
	m.SignInTook("session", time.Minute)
	m.Refused("not-allowed")
	m.Refused("something new")
	m.Ended("signed-out")
	m.HeaderLeftOut("Remote-Groups")
	m.Request("executor", time.Second)
	m.Store("load", time.Millisecond)
	want := map[string]string{
		"caddy_authentik_decisions_total":        "decision,site",
		"caddy_authentik_steps_total":            "component,outcome,site",
		"caddy_authentik_programs_total":         "outcome,scheme,site",
		"caddy_authentik_signins_total":          "outcome,site,way", //nolint:misspell // the documented name
		"caddy_authentik_signin_seconds":         "site,way",         //nolint:misspell // the documented name
		"caddy_authentik_refusals_total":         "code,site",
		"caddy_authentik_sessions_ended_total":   "reason,site",
		"caddy_authentik_headers_left_out_total": "header,site",
		"caddy_authentik_request_seconds":        "endpoint",
		"caddy_authentik_store_seconds":          "operation,store",
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "caddy_authentik_sessions" {
			continue // there while a Caddy of another test is remembered; it has tests of its own
		}
		for _, metric := range family.GetMetric() {
			var names []string
			for _, label := range metric.GetLabel() {
				names = append(names, label.GetName())
				if strings.Contains(label.GetValue(), "next-year") || strings.Contains(label.GetValue(), "something new") {
					t.Errorf("%s has a label from outside of its set: %s", family.GetName(), label.GetValue())
				}
			}
			if got := strings.Join(names, ","); got != want[family.GetName()] {
				t.Errorf("%s has the labels %s", family.GetName(), got)
			}
		}
		delete(want, family.GetName())
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

func BenchmarkDecision(b *testing.B) {
	m, err := New(prometheus.NewRegistry(), "memory", AnySite)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Decision("pass")
	}
}
