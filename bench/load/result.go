package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A contender is what is measured, and what its turns have shown.
type contender struct {
	name string
	// base says that those before it are compared with it.
	base    bool
	process *process
	// work does as much as it can in a time, and returns how much that was.
	work  func(ctx context.Context, o options, d time.Duration) (int, error)
	turns []measurement
}

// A measurement is one turn.
type measurement struct {
	requests  int
	took      time.Duration
	processor time.Duration // what Caddy spent; zero where the system does not tell
}

func (m measurement) rate() float64 { return float64(m.requests) / m.took.Seconds() }

func (m measurement) cost() float64 { return float64(m.processor.Microseconds()) / float64(m.requests) }

var errNothing = errors.New("nothing was answered")

// turn lets a contender work for a while.
func (c contender) turn(ctx context.Context, o options, d time.Duration) (measurement, error) {
	spent, begun := c.process.processorTime(), time.Now()
	n, err := c.work(ctx, o, d)
	m := measurement{requests: n, took: time.Since(begun), processor: c.process.processorTime() - spent}
	if err == nil && n == 0 {
		err = errNothing
	}
	return m, errors.Join(err, ctx.Err())
}

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

// spread is a median with what it lies between.
func spread(values []float64) string {
	return fmt.Sprintf("%.3f (%.3f to %.3f)", median(values), slices.Min(values), slices.Max(values))
}

// digits rounds a duration to four digits.
func digits(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 10_000 {
		unit *= 10
	}
	return d.Round(unit)
}

// report prints all contenders, and compares each with the bases after it.
func report(w io.Writer, unit string, contenders []contender) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(table, "\t%ss/s\tCaddy's processor time for one\n", unit)
	for _, c := range contenders {
		cost := time.Duration(medianOf(c, measurement.cost) * float64(time.Microsecond))
		_, _ = fmt.Fprintf(table, "%s\t%.4g\t%v\n", c.name, medianOf(c, measurement.rate), digits(cost))
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(w, "\nthe first divided by the second, in turns side by side: the median (the least to the greatest)\n")
	table = tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(table, "\t%ss/s\tprocessor time\n", unit)
	for i, c := range contenders {
		for _, base := range contenders[i+1:] {
			if base.base {
				_, _ = fmt.Fprintf(table, "%s : %s\t%s\t%s\n", c.name, base.name,
					spread(ratios(c, base, measurement.rate)), spread(ratios(c, base, measurement.cost)))
			}
		}
	}
	_ = table.Flush()
}
