package caddymodule

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
)

// decisions are what a gate can decide. Their counters are made beforehand,
// since one is counted for every request.
var decisions = []string{"pass", "open", "own", "sign-in", "refuse"}

// otherLabel stands for everything that is in none of the closed sets.
const otherLabel = "other"

// metrics counts for Prometheus what the gates of the process do.
type metrics struct {
	decision map[string]prometheus.Counter
	steps    *prometheus.CounterVec
	signIns  *prometheus.CounterVec
	ended    *prometheus.CounterVec
	requests *prometheus.HistogramVec
	stores   *prometheus.HistogramVec

	collectors []prometheus.Collector
}

// processMetrics are the same for all configurations, so that a reload does
// not set the counts back.
var processMetrics = sync.OnceValue(func() *metrics {
	m := &metrics{
		decision: make(map[string]prometheus.Counter),
		steps:    counters("steps_total", "Challenges shown and answered.", "component", "outcome"),
		signIns:  counters("signins_total", "Sign-ins that came to an end.", "way", "outcome"), //nolint:misspell // the documented name
		ended:    counters("sessions_ended_total", "Sessions that ended.", "reason"),
		requests: timers("request_seconds", "How long authentik took to answer.", "endpoint"),
		stores:   timers("store_seconds", "How long the store of sessions took.", "store", "operation"),
	}
	decided := counters("decisions_total", "Requests by what the gate decided.", "decision")
	for _, kind := range append(slices.Clone(decisions), otherLabel) {
		m.decision[kind] = decided.WithLabelValues(kind)
	}
	m.collectors = []prometheus.Collector{decided, m.steps, m.signIns, m.ended, m.requests, m.stores, newAlive()}
	return m
})

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "authentik", Name: name, Help: help,
	}, labels)
}

func timers(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "authentik", Name: name, Help: help, Buckets: prometheus.DefBuckets,
	}, labels)
}

// gateMetrics are those of one gate, whose sessions are in one store.
type gateMetrics struct {
	*metrics
	store string
}

// newMetrics registers the collectors with the registry of a configuration,
// where those of another gate may be already.
func newMetrics(registry prometheus.Registerer, store string) (gateMetrics, error) {
	m := processMetrics()
	for _, c := range m.collectors {
		err := registry.Register(c)
		if _, already := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !already {
			return gateMetrics{}, err
		}
	}
	return gateMetrics{m, store}, nil
}

// Decision counts one decision.
func (m *metrics) Decision(kind string) {
	c, found := m.decision[kind]
	if !found {
		c = m.decision[otherLabel]
	}
	c.Inc()
}

// Step counts one challenge.
func (m *metrics) Step(component, outcome string) {
	if !slices.Contains(flowclient.Components(), flowclient.Component(component)) {
		component = otherLabel
	}
	m.steps.WithLabelValues(component, outcome).Inc()
}

// SignIn counts the end of a visit.
func (m *metrics) SignIn(way, outcome string) { m.signIns.WithLabelValues(way, outcome).Inc() }

// Ended counts the end of a session.
func (m *metrics) Ended(reason string) { m.ended.WithLabelValues(reason).Inc() }

// Request measures one call to authentik.
func (m *metrics) Request(endpoint string, took time.Duration) {
	m.requests.WithLabelValues(endpoint).Observe(took.Seconds())
}

// Store measures one operation of the gate's store.
func (g gateMetrics) Store(operation string, took time.Duration) {
	g.stores.WithLabelValues(g.store, operation).Observe(took.Seconds())
}

// Interface guard.
var _ proxy.Metrics = gateMetrics{}
