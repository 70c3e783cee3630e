//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package directory

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

const (
	// pollEvery is the pause between two looks at the file of revoked names. A
	// database with notifications, such as LISTEN in PostgreSQL, needs none.
	pollEvery = 500 * time.Millisecond
	// maxRevoked is how long that file may become before a new one is begun.
	maxRevoked = 1 << 20
)

func (s *Store) revokedFile() string { return filepath.Join(s.dir, "revoked") }

// announce appends a name to the file that all watchers read. It runs after the
// tombstone was written: a watcher that is told of a name may ask for it.
func (s *Store) announce(ctx context.Context, name string) error {
	unlock, err := s.lockFile(ctx, "revoked")
	if err != nil {
		return err
	}
	defer unlock()
	if info, err := os.Stat(s.revokedFile()); err == nil && info.Size() > maxRevoked {
		if err := os.Remove(s.revokedFile()); err != nil {
			return fmt.Errorf("sessions directory: %w", err)
		}
	}
	file, err := s.openRevoked()
	if err != nil {
		return err
	}
	_, err = file.WriteString(name + "\n")
	return errors.Join(err, file.Close())
}

func (s *Store) openRevoked() (*os.File, error) {
	err := os.MkdirAll(s.dir, 0o700)
	if err != nil {
		return nil, fmt.Errorf("sessions directory: %w", err)
	}
	file, err := os.OpenFile(s.revokedFile(), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sessions directory: %w", err)
	}
	return file, nil
}

// Watch implements store.Store. It reads the names that are appended to the
// file from now on, for as long as it is the same file. When another has taken
// its place, names may have been missed: the receiver is told so with an empty
// name, and Watch continues with the new file. After an error the gate calls
// Watch again.
func (s *Store) Watch(ctx context.Context, ended func(name string)) error {
	for ctx.Err() == nil {
		if err := s.watchFile(ctx, ended); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// watchFile watches until the file is replaced, ctx is done or reading fails.
func (s *Store) watchFile(ctx context.Context, ended func(name string)) error {
	file, err := s.openRevoked()
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return fmt.Errorf("sessions directory: %w", err)
	}
	// The order matters: a name that is revoked after this was said is read
	// below, and one that was revoked before is not in the receiver's cache any
	// more.
	ended("")
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	names := &lineReader{in: bufio.NewReader(file)}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := names.each(ended); err != nil {
			return err
		}
		if replaced, err := s.replaced(file); replaced || err != nil {
			return err
		}
	}
}

// replaced reports whether the directory has another file by now.
func (s *Store) replaced(file *os.File) (bool, error) {
	mine, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("sessions directory: %w", err)
	}
	current, err := os.Stat(s.revokedFile())
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("sessions directory: %w", err)
	}
	return !os.SameFile(mine, current), nil
}

// A lineReader reads lines from a file that grows. The last line may be only
// half written when it is read.
type lineReader struct {
	in   *bufio.Reader
	half string
}

// each calls ended with the names of all complete lines.
func (l *lineReader) each(ended func(name string)) error {
	for {
		line, err := l.in.ReadString('\n')
		l.half += line
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("sessions directory: %w", err)
		}
		name := strings.TrimSuffix(l.half, "\n")
		l.half = ""
		if store.ValidName(name) {
			ended(name)
		}
	}
}
