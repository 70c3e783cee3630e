//go:build unix

package testsite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock waits until no other process holds the lock of a file, and takes it. A
// process that ends gives its locks back.
func lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of this package's own directory
	if err != nil {
		return nil, fmt.Errorf("testsite: %w", err)
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX) //nolint:gosec // descriptors are small
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("testsite: locking %s: %w", path, err), file.Close())
	}
	return file.Close, nil
}
