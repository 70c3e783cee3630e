package caddymodule

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/telemetry"
)

func TestSessionGauge_CountsTheSessionsOfACaddy(t *testing.T) {
	s := newSite(t)
	s.load(strings.ReplaceAll(oneLine, "AUTHENTIK", "AUTHENTIK {\n\t\tsessions memory\n\t}"))
	for range 2 {
		s.browser().signIn("/", "ada")
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(telemetry.NewSessionGauge())
	families, err := registry.Gather()
	if err != nil || len(families) != 1 || len(families[0].GetMetric()) != 1 {
		t.Fatalf("got %v, %v, want one value", families, err)
	}
	if one := families[0].GetMetric()[0]; one.GetGauge().GetValue() != 2 || one.GetLabel()[0].GetValue() != "memory" {
		t.Errorf("got %v, want 2 sessions in memory", one)
	}
}
