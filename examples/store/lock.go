//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// locks is how many files are locked: names with the same hash wait for each
	// other.
	locks = 64
	// lockEvery is the pause between two attempts to lock a file.
	lockEvery = 2 * time.Millisecond
)

// lock waits until no other caller, in whichever process, writes the entries of
// a name, or until ctx is done.
func (s *Store) lock(ctx context.Context, name string) (unlock func(), err error) {
	if !store.ValidName(name) {
		return nil, fmt.Errorf("sessions directory: the name %.100q is invalid", name)
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name)) // never fails, see its documentation
	return s.lockFile(ctx, fmt.Sprintf("%02d", sum.Sum32()%locks))
}

// lockFile locks a file. The system unlocks it when the process is killed; a
// lock that is the mere existence of a file would remain. A blocking call could
// not be ended by the context.
func (s *Store) lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if err := errors.Join(ctx.Err(), os.MkdirAll(filepath.Join(s.dir, "locks"), 0o700)); err != nil {
		return nil, fmt.Errorf("sessions directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(s.dir, "locks", name), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // one of these names
	if err != nil {
		return nil, fmt.Errorf("sessions directory: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = file.Close() }, nil // which unlocks it
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, fmt.Errorf("sessions directory: locking %s: %w", file.Name(), errors.Join(err, file.Close()))
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("sessions directory: waiting for another writer: %w", errors.Join(ctx.Err(), file.Close()))
		case <-time.After(lockEvery):
		}
	}
}
