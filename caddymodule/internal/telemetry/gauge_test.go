package telemetry

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// A store that counts as a test says.
type counted struct {
	proxy.Store
	n     int
	err   error
	asked *atomic.Int64
}

func (c counted) Count(_ context.Context, kind string) (int, error) {
	c.asked.Add(1)
	if kind != "session" {
		return 0, errors.New("this is not what was to be counted")
	}
	return c.n, c.err
}

// uncountable is a store that cannot count, of a kind that Go cannot compare.
type uncountable struct {
	proxy.Store
	_ []byte
}

func scraped(t testing.TB, a *SessionGauge) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(a)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != "caddy_authentik_sessions" || family.GetType() != dto.MetricType_GAUGE {
			t.Errorf("%v", family)
		}
		for _, m := range family.GetMetric() {
			if len(m.GetLabel()) != 1 || m.GetLabel()[0].GetName() != "store" {
				t.Errorf("%v", m)
			}
			found[m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	return found
}

func TestSessionGauge_CountsWhereTheStoreCan(t *testing.T) {
	t.Parallel()
	asked := new(atomic.Int64)
	shared := counted{n: 3, asked: asked}
	a := NewSessionGauge()
	a.running = func() map[*proxy.Gate]gates.Store {
		return map[*proxy.Gate]gates.Store{
			new(proxy.Gate): {Store: shared, Name: "memory"}, // two gates on one store
			{}:              {Store: shared, Name: "memory"},
			{}:              {Store: counted{n: 4, asked: asked}, Name: "redis"},
			{}:              {Store: counted{n: 5, asked: asked}, Name: "redis"},
			{}:              {Store: counted{n: 6, asked: asked}, Name: "broken"},
			{}:              {Store: counted{err: errors.New("out of order"), asked: asked}, Name: "broken"},
			{}:              {Store: uncountable{}, Name: "third"},
			{}:              {Store: uncountable{}, Name: "third"},
		}
	}
	want := map[string]float64{"memory": 3, "redis": 9}
	for range 3 {
		got := scraped(t, a)
		if len(got) != len(want) || got["memory"] != 3 || got["redis"] != 9 {
			t.Errorf("%v, want %v", got, want)
		}
	}
	first := asked.Load()
	if first > 5 {
		t.Errorf("the stores were asked %d times for three scrapes", first)
	}
	a.counted = time.Now().Add(-countEvery - time.Second)
	if scraped(t, a); asked.Load() == first {
		t.Error("they are never asked again")
	}
}

func TestSessionGauge_IsAbsentWithoutAGate(t *testing.T) {
	t.Parallel()
	a := NewSessionGauge()
	a.running = func() map[*proxy.Gate]gates.Store { return nil }
	if got := scraped(t, a); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
