package exchange

// A Trace collects what a decision rests on, for people to read. An exchange with
// one leaves no mark: its session is looked up without being cached or counted as
// used. A nil Trace collects nothing.
type Trace struct {
	Steps []string
	// Missing says of each cookie of a session why it opens none.
	Missing []string
}

// Note adds a step.
func (t *Trace) Note(step string) {
	if t != nil {
		t.add(step)
	}
}

func (t *Trace) add(step string) { t.Steps = append(t.Steps, step) }

// peek looks the session up without leaving a mark.
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
