package storagestore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/flowsidecar/caddy-authentik/proxy/store"
)

// An area is one kind of what is kept. It is part of every key and every
// checksum: a record never passes for a tombstone.
type area string

const (
	records area = "sessions"
	ended   area = "ended"
	leases  area = "leases"
	notices area = "notices"
)

const (
	// root is where everything lies in the storage, beside the gate's key.
	root = "authentik"
	// suffix tells what was kept from what a storage leaves behind when it is
	// killed while it writes.
	suffix = ".kept"
	// fans is how many directories an area has. A hundred thousand sessions are
	// four hundred in each.
	fans = 256
)

// A place is where one thing is kept, with the name of the lock for it.
type place struct{ key, lock string }

// lockOf is the name of the lock for what follows a version. No lock is needed
// again under its name; the package's documentation says why that matters.
func (p place) lockOf(version string) string { return p.lock + "_" + version }

// at returns the place of a name. Names are parts of paths, and what could
// lead out of the directory is refused.
func at(a area, name string) (place, error) {
	if !store.ValidName(name) {
		return place{}, fmt.Errorf("storagestore: %.100q is no name; names are 1 to 80 of a-z, 0-9 and -", name)
	}
	sum := sha256.Sum256([]byte(name))
	return place{
		key:  path.Join(root, string(a), hex.EncodeToString(sum[:1]), name+suffix),
		lock: root + "_" + string(a) + "_" + name,
	}, nil
}

// fan is one directory of an area.
func fan(a area, n int) string {
	return path.Join(root, string(a), hex.EncodeToString([]byte{byte(n)})) //nolint:gosec // there are 256
}

// named returns the name that a key was made of.
func named(key string) (string, bool) { return strings.CutSuffix(path.Base(key), suffix) }
