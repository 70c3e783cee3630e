package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A process is one Caddy.
type process struct {
	command *exec.Cmd
	ended   chan error
}

// launch starts a program with what it needs, and waits until it takes connections
// at all addresses.
func launch(ctx context.Context, directory string, env, addresses []string, program string, args ...string) (*process, error) {
	p := &process{command: exec.CommandContext(ctx, program, args...), ended: make(chan error, 1)} //nolint:gosec // The one we were given.
	p.command.Env = append(append(os.Environ(), "XDG_DATA_HOME="+directory, "XDG_CONFIG_HOME="+directory), env...)
	p.command.Stderr = os.Stderr
	p.command.Cancel = func() error { return p.command.Process.Signal(syscall.SIGTERM) }
	p.command.WaitDelay = 5 * time.Second
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	go func() { p.ended <- p.command.Wait() }()
	for _, address := range addresses {
		if err := p.wait(ctx, address); err != nil {
			return p, err
		}
	}
	return p, nil
}

// wait waits until the process takes connections.
func (p *process) wait(ctx context.Context, address string) error {
	var dialer net.Dialer
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case ended := <-p.ended:
			p.ended <- ended
			return fmt.Errorf("the process has ended: %w", errors.Join(ended, err))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", address, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// close waits for the process, which was told to end.
func (p *process) close() {
	if p != nil {
		<-p.ended //nolint:errcheck // It was told to end.
	}
}

// processorTime is what the process has spent so far, as Linux tells (proc(5)), or
// zero elsewhere. A tick is a hundredth of a second on every Linux.
func (p *process) processorTime() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ") // the name of the program may hold blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is how many bytes the process has in memory, as Linux tells, or zero.
func (p *process) memory() int {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	resident, _ := strconv.Atoi(fields[1])
	return resident * os.Getpagesize()
}
