package exchange

// A Trace collects the reasons of a decision, as text. An exchange with a trace
// has no effects: looking its session up neither caches it nor marks it as
// used. A nil Trace collects nothing.
type Trace struct {
	Steps []string
	// Missing says, for each session cookie, why it has no session.
	Missing []string
}

// Note adds a step.
func (t *Trace) Note(step string) {
	if t != nil {
		t.add(step)
	}
}

func (t *Trace) add(step string) { t.Steps = append(t.Steps, step) }

// peek looks up the session and changes nothing.
func (x *Exchange) peek() {
	for value := range x.sessionCookies() {
		s, missing, err := x.Sessions.Peek(x.Context(), value, x.At.Host)
		if err != nil {
			x.err = err
			return
		}
		if s != nil {
			x.held, x.found, x.value = s, true, value
			return
		}
		x.Trace.Missing = append(x.Trace.Missing, string(missing))
	}
}
