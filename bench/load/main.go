// Command load measures what the gate costs a signed-in request, as a ratio:
// how many requests per second one Caddy answers with the gate before the
// application, against the same Caddy with nothing before it, and with headers
// of the same names that request_header sets.
//
//	go run ./bench/load
//
// Everything runs on the loopback interface in one process group: this program
// is the application, the stand-in for authentik and the clients, and Caddy is a
// process of its own. It signs in as a browser does and sends the cookie that it
// got. The three sites are measured in turns, so that what else the machine does
// meets all of them, and the median of the turns' ratios counts.
//
// Clients and Caddy share the processors. Where those are few, the clients'
// part lessens the difference in requests per second; so the processor time
// that Caddy itself spends on a request is given beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"time"
)

// options are what can be asked for on the command line.
type options struct {
	caddy       string
	rounds      int
	round       time.Duration
	connections int
	requests    int
}

func main() {
	var o options
	flag.StringVar(&o.caddy, "caddy", "", "a Caddy with the gate; default: it is built from ./cmd/caddy")
	flag.IntVar(&o.rounds, "rounds", 15, "how often each site has its turn")
	flag.DurationVar(&o.round, "round", time.Second, "how long a turn lasts")
	flag.IntVar(&o.connections, "connections", 16, "how many connections send requests")
	flag.IntVar(&o.requests, "requests", 1_000_000, "how many requests a turn has at most")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run measures in a directory that it removes again.
func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.connections < 1 || o.requests < 1 || o.round <= 0 {
		return errors.New("rounds, connections, requests and the length of a round must be positive")
	}
	directory, err := os.MkdirTemp("", "caddy-authentik-load-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	s, err := open(ctx, directory, o.caddy)
	if err != nil {
		return err
	}
	defer s.close()
	contenders, err := s.contenders(ctx)
	if err != nil {
		return err
	}
	return compete(ctx, o, s, contenders)
}

// compete lets the contenders have their turns and prints what came of it.
func compete(ctx context.Context, o options, s *stage, contenders []contender) error {
	fmt.Printf("%d processors, %s/%s, %s, %d connections, %d turns of %v for each site\n\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), o.connections, o.rounds, o.round)
	for i := range contenders { // a first turn makes caches and connections warm, and is not counted
		if _, err := s.turn(ctx, o, contenders[i], o.round/3); err != nil {
			return fmt.Errorf("%s: %w", contenders[i].name, err)
		}
	}
	for n := range o.rounds {
		for i := range contenders {
			c := &contenders[(i+n)%len(contenders)] // no contender is always first
			m, err := s.turn(ctx, o, *c, o.round)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.turns = append(c.turns, m)
		}
	}
	report(os.Stdout, contenders)
	return nil
}
