package processtest

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Settled waits until one socket at most listens at each address of this machine
// that has the port.
//
// A Caddy that loads a configuration shares the port with the configuration
// that ran before, and closes the socket of that one a moment after the load has
// ended. Until then, connections still reach the old configuration. A system
// other than Linux does not say who listens, and nothing is waited for there.
func Settled(port string) error {
	const timeout = 2 * time.Minute
	for deadline := time.Now().Add(timeout); ; time.Sleep(time.Millisecond) {
		n, err := listeners(port)
		if err != nil {
			return err
		}
		if n <= 1 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("port %s: %d sockets listen after %s, want one", port, n, timeout)
		}
	}
}

// listeners is the number of sockets that listen at a port of one address, of
// the address that has most. It is 0 on a system that has no /proc/net.
func listeners(port string) (int, error) {
	var wanted uint16
	if _, err := fmt.Sscan(port, &wanted); err != nil {
		return 0, fmt.Errorf("port %q: %w", port, err)
	}
	suffix := fmt.Sprintf(":%04X", wanted)
	most, sockets := 0, make(map[string]int)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file) //nolint:gosec // one of two fixed names
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(table)) {
			const local, state, listen = 1, 3, "0A"
			if f := strings.Fields(line); len(f) > state && f[state] == listen && strings.HasSuffix(f[local], suffix) {
				sockets[f[local]]++
				most = max(most, sockets[f[local]])
			}
		}
	}
	return most, nil
}
