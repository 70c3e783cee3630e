package storagestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// An area has one kind of entries. It is part of every key and of every
// checksum, so a record is never accepted as a tombstone.
type area string

const (
	records area = "sessions"
	ended   area = "ended"
	leases  area = "leases"
	notices area = "notices"
)

const (
	// root is the directory of everything in the storage, including the gate's
	// key.
	root = "authentik"
	// suffix distinguishes complete entries from files that a storage leaves
	// behind when it is killed while writing.
	suffix = ".kept"
	// directories is the number of directories of an area. With a hundred
	// thousand sessions, each has four hundred.
	directories = 256
)

// A place has the key of an entry, and the beginning of the names of its locks.
type place struct{ key, lock string }

// lockOf returns the name of the lock for replacing a version. The package
// documentation says why each version has its own lock.
func (p place) lockOf(version string) string { return p.lock + "_" + version }

// placeOf returns the place of a name. Names become parts of paths, so a name
// that could lead out of the directory is refused.
func placeOf(a area, name string) (place, error) {
	if !store.ValidName(name) {
		return place{}, fmt.Errorf("storagestore: the name %.100q is invalid; names have 1 to 80 characters of a-z, 0-9 and -", name)
	}
	sum := sha256.Sum256([]byte(name))
	return place{
		key:  path.Join(root, string(a), hex.EncodeToString(sum[:1]), name+suffix),
		lock: root + "_" + string(a) + "_" + name,
	}, nil
}

// directory returns the n-th directory of an area.
func directory(a area, n int) string {
	return path.Join(root, string(a), hex.EncodeToString([]byte{byte(n)})) //nolint:gosec // there are 256
}

// nameOf returns the name in a key. ok is false for a file that this package
// has not written.
func nameOf(key string) (name string, ok bool) { return strings.CutSuffix(path.Base(key), suffix) }
