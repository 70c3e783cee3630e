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

// decisions are the decisions of a gate. Their counters are created in advance,
// since every request increments one.
var decisions = []string{"pass", "open", "own", "sign-in", "refuse"}

// otherLabel stands for every value outside of a closed set.
const otherLabel = "other"

// metrics count what the gates of the process do.
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
// not reset the counts.
var processMetrics = sync.OnceValue(func() *metrics {
	m := &metrics{
		decision: make(map[string]prometheus.Counter),
		steps:    counters("steps_total", "Challenges that were shown and answered.", "component", "outcome"),
		signIns:  counters("signins_total", "Sign-ins that have ended.", "way", "outcome"), //nolint:misspell // the documented name
		ended:    counters("sessions_ended_total", "Sessions that have ended.", "reason"),
		requests: timers("request_seconds", "How long authentik took to answer.", "endpoint"),
		stores:   timers("store_seconds", "How long the session store took.", "store", "operation"),
	}
	decided := counters("decisions_total", "Requests by decision of the gate.", "decision")
	for _, kind := range append(slices.Clone(decisions), otherLabel) {
		m.decision[kind] = decided.WithLabelValues(kind)
	}
	m.collectors = []prometheus.Collector{decided, m.steps, m.signIns, m.ended, m.requests, m.stores, newSessionGauge()}
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

// gateMetrics are the metrics of one gate with one kind of store.
type gateMetrics struct {
	*metrics
	store string
}

// newMetrics registers the collectors with the registry of a configuration. Another
// gate of that configuration may have registered them already.
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

// SignIn counts the end of a sign-in.
func (m *metrics) SignIn(way, outcome string) { m.signIns.WithLabelValues(way, outcome).Inc() }

// Ended counts the end of a session.
func (m *metrics) Ended(reason string) { m.ended.WithLabelValues(reason).Inc() }

// Request records one call to authentik.
func (m *metrics) Request(endpoint string, took time.Duration) {
	m.requests.WithLabelValues(endpoint).Observe(took.Seconds())
}

// Store records one operation of the gate's store.
func (g gateMetrics) Store(operation string, took time.Duration) {
	g.stores.WithLabelValues(g.store, operation).Observe(took.Seconds())
}

// Interface guard.
var _ proxy.Metrics = gateMetrics{}
