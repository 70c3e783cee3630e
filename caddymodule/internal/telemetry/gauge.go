package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

const (
	// countEvery is the minimum time between two counts of a store, however
	// many scrapes there are.
	countEvery = time.Minute
	// countTimeout is the timeout for a count.
	countTimeout = 5 * time.Second
)

// A SessionGauge counts the live sessions in each kind of store when Prometheus
// asks. It has no value for a store that cannot count or fails.
type SessionGauge struct {
	desc    *prometheus.Desc
	running func() map[*proxy.Gate]gates.Store

	mu      sync.Mutex
	counted time.Time
	byStore map[string]int
}

// NewSessionGauge returns a gauge of the sessions of all gates that run.
func NewSessionGauge() *SessionGauge {
	return &SessionGauge{
		desc:    prometheus.NewDesc("caddy_authentik_sessions", "Live sessions.", []string{"store"}, nil),
		running: func() map[*proxy.Gate]gates.Store { running, _ := gates.Running(); return running },
	}
}

// Describe implements prometheus.Collector.
func (g *SessionGauge) Describe(to chan<- *prometheus.Desc) { to <- g.desc }

// Collect implements prometheus.Collector. A scrape waits for the stores; no
// request of a visitor does.
func (g *SessionGauge) Collect(to chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.counted) > countEvery {
		g.byStore, g.counted = countSessions(g.running()), time.Now()
	}
	for store, n := range g.byStore {
		to <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(n), store) // the descriptor has one label
	}
}

// countSessions asks all stores at the same time. It leaves out a kind of store
// if one store of that kind cannot count.
func countSessions(running map[*proxy.Gate]gates.Store) map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
	)
	byStore := make(map[string]int)
	for name, stores := range gates.Distinct(running) {
		asking.Go(func() {
			sum, ok := total(ctx, stores)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				byStore[name] = sum
			}
		})
	}
	asking.Wait()
	return byStore
}

func total(ctx context.Context, stores []proxy.Store) (sum int, ok bool) {
	for _, s := range stores {
		counter, counts := s.(proxy.Counter)
		if !counts {
			return 0, false
		}
		n, err := counter.Count(ctx, "session")
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return sum, true
}
