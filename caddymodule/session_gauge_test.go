package caddymodule

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

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

func scraped(t testing.TB, a *sessionGauge) map[string]float64 {
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
	a := newSessionGauge()
	a.running = func() map[*proxy.Gate]sessionStore {
		return map[*proxy.Gate]sessionStore{
			new(proxy.Gate): {shared, "memory"}, // two gates on one store
			{}:              {shared, "memory"},
			{}:              {counted{n: 4, asked: asked}, "redis"},
			{}:              {counted{n: 5, asked: asked}, "redis"},
			{}:              {counted{n: 6, asked: asked}, "broken"},
			{}:              {counted{err: errors.New("out of order"), asked: asked}, "broken"},
			{}:              {uncountable{}, "third"},
			{}:              {uncountable{}, "third"},
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
	a := newSessionGauge()
	a.running = func() map[*proxy.Gate]sessionStore { return nil }
	if got := scraped(t, a); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestSessionGauge_CountsTheSessionsOfACaddy(t *testing.T) {
	s := newSite(t)
	s.load(strings.ReplaceAll(oneLine, "AUTHENTIK", "AUTHENTIK {\n\t\tsessions memory\n\t}"))
	for range 2 {
		s.browser().signIn("/", "ada")
	}
	if got := scraped(t, newSessionGauge()); got["memory"] != 2 {
		t.Errorf("%v", got)
	}
}
