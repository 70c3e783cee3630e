package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// signIns compare whole sign-ins by the store of the sessions: the first page, the
// name, the password, and the page of the application. Many users sign in at once.
func signIns(ctx context.Context, s *stage, o options) ([]contender, error) {
	stores := []string{"storage", "memory"}
	options := map[string]string{}
	if program, err := exec.LookPath("redis-server"); err == nil {
		address, err := s.redis(program)
		if err != nil {
			return nil, err
		}
		stores, options["redis"] = []string{"storage", "redis", "memory"}, " {\n\t\t\taddress "+address+"\n\t\t}"
	} else {
		fmt.Println("there is no redis-server: sessions in Redis are left out")
	}
	all := make([]contender, 0, len(stores)+1)
	for _, name := range stores { // each has a separate process, whose processor time is known
		p, at, err := s.start("\tadmin off\n", s.gate(name, "\t\tsessions "+name+options[name]+"\n"))
		if err != nil {
			return nil, err
		}
		all = append(all, contender{name: "sessions " + name, process: p, base: name == "memory", work: walks(at[name])})
	}
	p, at, err := s.start("\tadmin off\n", site{name: "plain"})
	if err != nil {
		return nil, err
	}
	plain := exchange{address: at["plain"], request: request(at["plain"], "Cookie: theme=dark"), status: "200"}
	all = append(all, contender{name: "a request of only reverse_proxy", base: true, process: p, work: plain.work})
	if o.against == "" {
		return all, nil
	}
	other, address, err := s.other(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.against, err)
	}
	return append([]contender{all[0]}, append([]contender{{name: o.against, base: true, process: other, work: walks(address)}}, all[1:]...)...), nil
}

// redis starts a server and returns its address.
func (s *stage) redis(program string) (string, error) {
	address, err := free(s.untilClose)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(s.directory, "redis-") // it would load the records of another one
	if err != nil {
		return "", err
	}
	port := address[len("127.0.0.1:"):]
	_, err = s.launch(nil, []string{address}, program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
		"--appendfsync", "everysec", "--dir", dir, "--loglevel", "warning")
	return address, err
}

// next is the user that signs in next, at whatever gate.
var next atomic.Int64

// walks returns what signs in as often as it can.
func walks(address string) func(context.Context, options, time.Duration) (int, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1000}
	return func(ctx context.Context, o options, d time.Duration) (int, error) {
		ends := time.Now().Add(d)
		var (
			done  atomic.Int64
			group sync.WaitGroup
			errs  = make([]error, o.connections)
		)
		for i := range o.connections {
			group.Go(func() {
				for time.Now().Before(ends) && errs[i] == nil && done.Load() < int64(o.requests) {
					if _, errs[i] = signIn(ctx, transport, "http://"+address, visitor(int(next.Add(1)))); errs[i] == nil {
						done.Add(1)
					}
				}
			})
		}
		group.Wait()
		return int(done.Load()), errors.Join(errs...)
	}
}
