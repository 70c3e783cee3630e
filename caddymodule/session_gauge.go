package caddymodule

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowsidecar/caddy-authentik/proxy"
)

const (
	// aliveKept is how long a count is good for: stores are not asked more often, however many
	// scrape.
	aliveKept = time.Minute
	// aliveWait is how long a store may take to count.
	aliveWait = 5 * time.Second
)

// alive counts the sessions in each kind of store when Prometheus asks. Of a store that does
// not count, or fails to, nothing is said.
type alive struct {
	desc    *prometheus.Desc
	running func() map[*proxy.Gate]keeping

	mu      sync.Mutex
	counted time.Time
	byStore map[string]int
}

func newAlive() *alive {
	return &alive{
		desc: prometheus.NewDesc("caddy_authentik_sessions", "Sessions that are alive.", []string{"store"}, nil), running: allGates,
	}
}

// Describe implements prometheus.Collector.
func (a *alive) Describe(to chan<- *prometheus.Desc) { to <- a.desc }

// Collect implements prometheus.Collector. Who scrapes waits for the stores, and no
// request of a visitor does.
func (a *alive) Collect(to chan<- prometheus.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.counted) > aliveKept {
		a.byStore, a.counted = count(a.running()), time.Now()
	}
	for store, n := range a.byStore {
		to <- prometheus.MustNewConstMetric(a.desc, prometheus.GaugeValue, float64(n), store) // one label, as described
	}
}

// count asks all stores at once. A kind of store is left out if one of its kind does not know.
func count(of map[*proxy.Gate]keeping) map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), aliveWait)
	defer cancel()
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
	)
	byStore := make(map[string]int)
	for name, kind := range stores(of) {
		asking.Go(func() {
			sum, known := total(ctx, kind)
			mu.Lock()
			defer mu.Unlock()
			if known {
				byStore[name] = sum
			}
		})
	}
	asking.Wait()
	return byStore
}

func total(ctx context.Context, stores []proxy.Store) (sum int, known bool) {
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
