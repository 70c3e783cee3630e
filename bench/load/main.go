// Command load measures what the gate costs, as ratios to plain Caddy in the same
// run:
//
//	go run ./bench/load                 a signed-in visitor's request
//	go run ./bench/load -mode pages     the first page of a sign-in
//	go run ./bench/load -mode sign-ins  a whole sign-in, by store
//	go run ./bench/load -mode reloads   a reload of Caddy's configuration
//	go run ./bench/load -mode streams   responses that stay open
//	go run ./bench/load -mode large     many sessions in a store, beside few
//	go run ./bench/load -mode sidecar   a signed-in visitor's request at nginx, which asks
//
// Everything runs on the loopback interface: this program is the application, the
// stand-in for authentik and the clients, and Caddy is a separate process. What
// is compared takes turns, so that what else the machine does meets all of it, and
// the median of the turns' ratios counts.
//
// Clients and Caddy share the processors. Where those are few, the clients' part
// lessens the difference in requests per second; so the processor time that Caddy
// itself spends is given beside it.
//
// Another Caddy can be put beside ours in the modes requests, pages and sign-ins:
//
//	go run ./bench/load -against ./other-caddy ./Caddyfile
//
// Its Caddyfile listens on {$LOAD_LISTEN}, and has the application at
// {$LOAD_APPLICATION} and authentik at {$LOAD_AUTHENTIK}. It may be a gate with
// pages like ours, which the program signs in to, let in visitors who send the
// header of -header, or let every visitor in.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
)

// options are what can be asked for on the command line.
type options struct {
	mode        string
	caddy       string
	rounds      int
	round       time.Duration
	connections int
	requests    int
	sites       int
	streams     int
	sessions    int
	fill        time.Duration // how long a store is filled at most
	against     string        // a Caddy
	caddyfile   string        // of that Caddy
	header      string        // that it knows the visitor by
}

func main() {
	var o options
	flag.StringVar(&o.mode, "mode", "requests", "what is measured: "+strings.Join(modeNames(), ", "))
	flag.StringVar(&o.caddy, "caddy", "", "a Caddy with the gate; default: it is built from ./cmd/caddy")
	flag.IntVar(&o.rounds, "rounds", 15, "how many turns each has")
	flag.DurationVar(&o.round, "round", time.Second, "how long a turn lasts")
	flag.IntVar(&o.connections, "connections", 16, "how many connections send requests")
	flag.IntVar(&o.requests, "requests", 1_000_000, "how many requests a turn has at most")
	flag.IntVar(&o.sites, "sites", 200, "how many sites are reloaded")
	flag.IntVar(&o.streams, "streams", 2000, "how many responses stay open")
	flag.IntVar(&o.sessions, "sessions", 1_000_000, "how many sessions a large store has")
	flag.DurationVar(&o.fill, "fill", 10*time.Minute, "how long a store is filled with them at most")
	flag.StringVar(&o.against, "against", "", "another Caddy to compare with; its Caddyfile is the argument")
	flag.StringVar(&o.header, "header", "", "a header that the other Caddy knows the visitor by, as Name: value")
	flag.Parse()
	o.caddyfile = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// check returns an error for options that measure nothing.
func (o options) check() error {
	if o.rounds < 1 || o.connections < 1 || o.requests < 1 || o.round <= 0 || o.sites < 1 || o.streams < 1 || o.sessions < 1 || o.fill <= 0 {
		return errors.New("rounds, connections, requests, sites, streams, sessions, and the times of a round and of filling must be positive")
	}
	if (o.against == "") != (o.caddyfile == "") {
		return errors.New("-against takes a Caddy, and the Caddyfile for it as the argument")
	}
	return nil
}

// A mode is one kind of measurement: of contenders that take turns, or by itself.
type mode struct {
	unit       string
	serial     bool // one after the other, by no connections of its own
	contenders func(context.Context, *stage, options) ([]contender, error)
	alone      func(context.Context, *stage, options) error
}

func modes() map[string]mode {
	return map[string]mode{
		"requests": {unit: "request", contenders: requests},
		"pages":    {unit: "request", contenders: pages},
		"sign-ins": {unit: "sign-in", contenders: signIns},
		"reloads":  {unit: "reload", serial: true, contenders: reloads},
		"streams":  {alone: streams},
		"large":    {alone: large},
		"sidecar":  {unit: "request", contenders: sidecar},
	}
}

func modeNames() []string {
	return []string{"requests", "pages", "sign-ins", "reloads", "streams", "large", "sidecar"}
}

// run measures in a directory that it removes again.
func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	m, known := modes()[o.mode]
	if !known {
		return fmt.Errorf("there is no mode %q; the modes are %s", o.mode, strings.Join(modeNames(), ", "))
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
	fmt.Printf("%d processors, %s/%s, %s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	if m.alone != nil {
		return m.alone(ctx, s, o)
	}
	contenders, err := m.contenders(ctx, s, o)
	if err != nil {
		return err
	}
	clients := fmt.Sprintf("%d connections", o.connections)
	if m.serial {
		clients = "one " + m.unit + " after the other"
	}
	takes := time.Duration(len(contenders)*o.rounds)*o.round + time.Duration(len(contenders))*warmUp(o)
	fmt.Printf("%s, %d turns of %v for each of %d: this takes about %v\n\n", clients, o.rounds, o.round, len(contenders), takes.Round(time.Second))
	return compete(ctx, o, m.unit, contenders)
}

// warmUp is how long a first turn is, which makes caches and connections warm and is
// not counted.
func warmUp(o options) time.Duration { return o.round / 3 }

// compete lets the contenders have their turns and prints the result.
func compete(ctx context.Context, o options, unit string, contenders []contender) error {
	for _, c := range contenders {
		if _, err := c.turn(ctx, o, warmUp(o)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for n := range o.rounds {
		for i := range contenders {
			c := &contenders[(i+n)%len(contenders)] // none is always first
			m, err := c.turn(ctx, o, o.round)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			c.turns = append(c.turns, m)
		}
	}
	report(os.Stdout, unit, contenders)
	return nil
}
