package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

// streamPath is where the application answers without an end.
const streamPath = "/stream"

// idle is how long Caddy is watched while its streams say nothing.
const idle = 3 * time.Second

// streams compare responses that stay open: what they take of Caddy's memory, what
// they cost while nothing happens, and how long after a sign-out those of the
// session end.
func streams(ctx context.Context, s *stage, o options) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintf(table, "\n%d streams\tKB each\tprocessor time of %v\tended after a sign-out\n", o.streams, idle)
	for _, one := range []site{s.gate("gate", "\t\tsessions memory\n"), {name: "only reverse_proxy"}} {
		if err := s.hold(ctx, o, one, table); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return table.Flush()
}

// hold opens the streams of a site and prints what they cost.
func (s *stage) hold(ctx context.Context, o options, one site, to io.Writer) error {
	p, at, err := s.start("\tadmin off\n", one)
	if err != nil {
		return err
	}
	address, header, mine := at[one.name], "", ""
	if one.before != "" {
		if header, err = signIn(ctx, http.DefaultTransport, "http://"+address, visitor(0)); err != nil {
			return err
		}
		if mine, err = signIn(ctx, http.DefaultTransport, "http://"+address, visitor(1)); err != nil {
			return err
		}
	}
	before := p.memory()
	transport := &http.Transport{DisableKeepAlives: true}
	for range o.streams {
		body, err := listen(ctx, transport, address, header)
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }()
	}
	each := (p.memory() - before) / o.streams
	spent := p.processorTime()
	time.Sleep(idle)
	ended := "-"
	cost := p.processorTime() - spent
	if mine != "" {
		d, err := signOut(ctx, transport, address, mine)
		if err != nil {
			return err
		}
		ended = d.Round(time.Microsecond).String()
	}
	_, _ = fmt.Fprintf(to, "%s\t%d\t%v\t%s\n", one.name, each/1024, cost, ended)
	return nil
}

// listen opens a stream.
func listen(ctx context.Context, transport http.RoundTripper, address, header string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+streamPath, nil)
	if err != nil {
		return nil, err
	}
	if name, value, found := strings.Cut(header, ":"); found {
		r.Header.Set(name, strings.TrimSpace(value))
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the stream is answered with %d", res.StatusCode)
	}
	return res.Body, nil
}

// signOut opens a stream of a session that has no others, signs out, and returns
// how long it took until the stream had ended.
func signOut(ctx context.Context, transport http.RoundTripper, address, header string) (time.Duration, error) {
	body, err := listen(ctx, transport, address, header)
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Close() }()
	time.Sleep(2 * time.Second) // it is indexed by then
	ended := make(chan time.Time, 1)
	go func() { _, _ = io.Copy(io.Discard, body); ended <- time.Now() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/.authentik/logout", nil)
	if err != nil {
		return 0, err
	}
	name, value, _ := strings.Cut(header, ":")
	r.Header.Set(name, strings.TrimSpace(value))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	begun := time.Now()
	res, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	_ = res.Body.Close()
	select {
	case at := <-ended:
		return at.Sub(begun), nil
	case <-time.After(10 * time.Second):
		return 0, errors.New("the stream goes on after the sign-out")
	}
}
