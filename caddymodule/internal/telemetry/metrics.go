// Package telemetry tells operators what the gates of the process do: in
// metrics for Prometheus and in traces of OpenTelemetry.
//
//   - metrics.go: the counters
//   - gauge.go: the number of sessions
//   - timing.go: how long authentik and session stores take
//   - tracing.go: the gate's spans
package telemetry

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/fault"
)

// decisions are the decisions of a gate. Their counters are created in advance,
// since every request increments one.
var decisions = []string{"pass", "open", "own", "sign-in", "refuse"}

// Decisions returns the values of the label decision.
func Decisions() []string { return append(slices.Clone(decisions), otherLabel) }

// otherLabel is the label for every value outside of a closed set.
const otherLabel = "other"

// AnySite is the label of a site that has no hosts.
const AnySite = "*"

// metrics are the counters of the gates of the process.
type metrics struct {
	decided  *prometheus.CounterVec
	steps    *prometheus.CounterVec
	programs *prometheus.CounterVec
	signIns  *prometheus.CounterVec
	took     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	ended    *prometheus.CounterVec
	leftOut  *prometheus.CounterVec
	requests *prometheus.HistogramVec
	stores   *prometheus.HistogramVec

	collectors []prometheus.Collector
	mu         sync.Mutex
	registered prometheus.Registerer  // the last registry with all collectors
	gates      map[gateLabels]Metrics // the metrics of a site outlast reloads
}

// gateLabels are the labels that distinguish the metrics of gates.
type gateLabels struct{ store, site string }

// processMetrics are the same for all configurations, so that a reload does
// not reset the counts.
var processMetrics = sync.OnceValue(func() *metrics {
	m := &metrics{
		gates:    map[gateLabels]Metrics{},
		decided:  counters("decisions_total", "Requests by decision of the gate.", "decision", "site"),
		steps:    counters("steps_total", "Challenges that were shown and answered.", "component", "outcome", "site"),
		programs: counters("programs_total", "Credentials of programs that were tried.", "scheme", "outcome", "site"),
		signIns:  counters("signins_total", "Sign-ins that have ended.", "way", "outcome", "site"),                     //nolint:misspell // the documented name
		took:     timers("signin_seconds", "How long sign-ins took that have begun a session.", people, "way", "site"), //nolint:misspell // beside signins_total
		refused:  counters("refusals_total", "Requests that were refused, by error code.", "code", "site"),
		ended:    counters("sessions_ended_total", "Sessions that have ended.", "reason", "site"),
		leftOut:  counters("headers_left_out_total", "Identity headers that sessions lack because they are too long.", "header", "site"),
		requests: timers("request_seconds", "How long authentik took to answer.", prometheus.DefBuckets, "endpoint"),
		stores:   timers("store_seconds", "How long the session store took.", prometheus.DefBuckets, "store", "operation"),
	}
	m.collectors = []prometheus.Collector{m.decided, m.steps, m.programs, m.signIns, m.took, m.refused, m.ended, m.leftOut, m.requests, m.stores, NewSessionGauge()}
	return m
})

// people are the buckets for the actions of people, in seconds. A password
// takes seconds, and a code in a mail takes minutes.
var people = []float64{1, 2.5, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "authentik", Name: name, Help: help,
	}, labels)
}

func timers(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "authentik", Name: name, Help: help, Buckets: buckets,
	}, labels)
}

// Metrics are the metrics of one gate with one kind of store, at one site.
type Metrics struct {
	*metrics
	store    string
	site     string // from the configuration, never from a request
	decision map[string]prometheus.Counter
}

// New registers the collectors with the registry of a configuration, and
// returns the metrics of a gate at a site. If another gate of that
// configuration has registered the first collector, it has registered them all.
func New(registry prometheus.Registerer, store, site string) (Metrics, error) {
	m := processMetrics()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.registered == registry {
		return m.at(store, site), nil
	}
	for _, c := range m.collectors {
		err := registry.Register(c)
		if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok && already.ExistingCollector == c {
			break
		}
		if err != nil {
			return Metrics{}, err
		}
	}
	m.registered = registry
	return m.at(store, site), nil
}

// at returns the metrics of a gate. The counters of refusals are created in
// advance: otherwise the first refusal with a code would not show as an
// increase. The caller holds mu.
func (m *metrics) at(store, site string) Metrics {
	if made, ok := m.gates[gateLabels{store, site}]; ok {
		return made
	}
	for _, code := range fault.Codes() {
		if code != fault.SignInRequired { // Decision counts it
			m.refused.WithLabelValues(string(code), site)
		}
	}
	g := Metrics{metrics: m, store: store, site: site, decision: make(map[string]prometheus.Counter)}
	for _, kind := range Decisions() {
		g.decision[kind] = m.decided.WithLabelValues(kind, site)
	}
	m.gates[gateLabels{store, site}] = g
	return g
}

// Decision counts one decision.
func (g Metrics) Decision(kind string) {
	c, found := g.decision[kind]
	if !found {
		c = g.decision[otherLabel]
	}
	c.Inc()
}

// Step counts one challenge.
func (g Metrics) Step(component, outcome string) {
	if !slices.Contains(flowclient.Components(), flowclient.Component(component)) {
		component = otherLabel
	}
	g.steps.WithLabelValues(component, outcome, g.site).Inc()
}

// Program counts one try of a program's credential.
func (g Metrics) Program(scheme, outcome string) {
	g.programs.WithLabelValues(scheme, outcome, g.site).Inc()
}

// SignIn counts the end of a sign-in.
func (g Metrics) SignIn(way, outcome string) {
	g.signIns.WithLabelValues(way, outcome, g.site).Inc()
}

// SignInTook measures a sign-in that has begun a session.
func (g Metrics) SignInTook(way string, took time.Duration) {
	g.took.WithLabelValues(way, g.site).Observe(took.Seconds())
}

// Refused counts a refused request.
func (g Metrics) Refused(code string) {
	if !slices.Contains(fault.Codes(), fault.Code(code)) {
		code = otherLabel
	}
	g.refused.WithLabelValues(code, g.site).Inc()
}

// Ended counts the end of a session.
func (g Metrics) Ended(reason string) { g.ended.WithLabelValues(reason, g.site).Inc() }

// HeaderLeftOut counts an identity header that a session lacks.
func (g Metrics) HeaderLeftOut(name string) { g.leftOut.WithLabelValues(name, g.site).Inc() }

// Request records one call to authentik.
func (m *metrics) Request(endpoint string, took time.Duration) {
	m.requests.WithLabelValues(endpoint).Observe(took.Seconds())
}

// Store records one operation of the gate's store.
func (g Metrics) Store(operation string, took time.Duration) {
	g.stores.WithLabelValues(g.store, operation).Observe(took.Seconds())
}

// Interface guard.
var _ proxy.Metrics = Metrics{}
