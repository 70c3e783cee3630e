package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A contender is one site, and what its turns have shown.
type contender struct {
	name    string
	address string
	request []byte
	turns   []measurement
}

// A measurement is one turn.
type measurement struct {
	requests  int
	took      time.Duration
	processor time.Duration // what Caddy spent; zero where the system does not tell
}

func (m measurement) rate() float64 { return float64(m.requests) / m.took.Seconds() }

func (m measurement) cost() float64 { return float64(m.processor.Microseconds()) / float64(m.requests) }

// ratios divide each turn of a by the turn of b in the same round.
func ratios(a, b contender, of func(measurement) float64) []float64 {
	all := make([]float64, len(a.turns))
	for i := range a.turns {
		all[i] = of(a.turns[i]) / of(b.turns[i])
	}
	return all
}

// median returns the value in the middle, of two the mean.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func medianOf(c contender, of func(measurement) float64) float64 {
	values := make([]float64, len(c.turns))
	for i, m := range c.turns {
		values[i] = of(m)
	}
	return median(values)
}

// report compares the first contender with each of the others.
func report(w io.Writer, contenders []contender) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "site\trequests/s\tµs of Caddy's processor time a request")
	for _, c := range contenders {
		_, _ = fmt.Fprintf(table, "%s\t%.0f\t%.1f\n", c.name, medianOf(c, measurement.rate), medianOf(c, measurement.cost))
	}
	_ = table.Flush()
	_, _ = fmt.Fprintln(w)
	gate := contenders[0]
	for _, other := range contenders[1:] {
		rates, costs := ratios(gate, other, measurement.rate), ratios(gate, other, measurement.cost)
		_, _ = fmt.Fprintf(w, "%s : %s = %.3f in requests/s (from %.3f to %.3f), %.3f in processor time\n",
			gate.name, other.name, median(rates), slices.Min(rates), slices.Max(rates), median(costs))
	}
}
