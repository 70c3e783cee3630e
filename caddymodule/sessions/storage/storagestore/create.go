package storagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A Creator is a Storage that can write a value under a key that has none, in one
// step. With it, a new entry needs no lock.
type Creator interface {
	Storage
	// Create writes a value that survives the end of the process. If the key
	// has a value already, it changes nothing and returns fs.ErrExist: of
	// several writers, in whatever process, one succeeds. If the storage cannot
	// do that, it returns errors.ErrUnsupported.
	Create(ctx context.Context, key string, value []byte) error
}

// create is swap for a place without an entry. If another writer has written an
// entry there meanwhile, create returns it, unless it is torn: a torn entry is
// replaced under a lock.
func (s *Store) create(ctx context.Context, to Creator, p place, next entry) (found entry, created bool, err error) {
	all, err := next.encode(p.key)
	if err != nil {
		return entry{}, false, err
	}
	for range listTries {
		if err = ctx.Err(); err != nil {
			return entry{}, false, err
		}
		if err = to.Create(ctx, p.key, all); err == nil {
			return entry{}, true, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		if found, err = s.read(ctx, p); err != nil || found.version != "" {
			return found, false, err
		}
		if found.torn {
			if err := s.removeTorn(ctx, p); err != nil {
				return entry{}, false, err
			}
		}
	}
	return entry{}, false, fmt.Errorf("storagestore: writing %s: %w", p.key, err)
}

// removeTorn removes a torn entry, but not a new entry that another process has
// written there meanwhile.
func (s *Store) removeTorn(ctx context.Context, p place) error {
	return s.locked(ctx, p, "", func() error {
		found, err := s.fetch(ctx, p)
		if err != nil || !found.torn {
			return err
		}
		return s.remove(ctx, p.key)
	})
}

// Files is the file system's storage as a Creator. It also lists faster.
type Files struct {
	Storage
	// Path is the directory to which keys are relative.
	Path string
}

// Create implements Creator. The value gets its name when it is complete, and is
// on the disk together with the name when Create returns.
func (f Files) Create(_ context.Context, key string, value []byte) error {
	name := filepath.Join(f.Path, filepath.FromSlash(key))
	if _, err := os.Lstat(name); err == nil {
		return fs.ErrExist
	}
	draft, err := newDraft(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // leftovers are swept later
	if _, err = draft.Write(value); err == nil {
		err = linked(os.Link(draft.Name(), name))
	}
	if err == nil {
		err = draft.Sync()
	}
	return errors.Join(err, draft.Close())
}

// List implements Storage. The storage's own List reads the metadata of every
// file, which takes ten times as long as reading the names. Other lists are
// left to it.
func (f Files) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	if recursive {
		return f.Storage.List(ctx, path, recursive)
	}
	dir, err := os.Open(filepath.Join(f.Path, filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	var keys []string
	for {
		names, err := dir.Readdirnames(namesAtOnce)
		for _, name := range names {
			keys = append(keys, path+"/"+name)
		}
		switch {
		case errors.Is(err, io.EOF):
			slices.Sort(keys)
			return keys, nil
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
}

// namesAtOnce is how many names are read before the context is checked.
const namesAtOnce = 1000

// newDraft creates a file for a value that is not complete, in the directory of
// the complete ones.
func newDraft(dir string) (*os.File, error) {
	draft, err := os.CreateTemp(dir, "")
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			draft, err = os.CreateTemp(dir, "")
		}
	}
	return draft, err
}

// linked returns the result of a link. Of the errors, only "file exists" is
// reliable: some file systems have no links, and each has its own error for
// that.
func linked(err error) error {
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
}

// Interface guard.
var _ Creator = Files{}
