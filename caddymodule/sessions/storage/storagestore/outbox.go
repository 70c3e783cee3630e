package storagestore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// keptFor is how long a name stays in the notice. A process that has not
	// read it by then finds a gap in the numbers, and drops its cache.
	keptFor = 10 * time.Second
	// maxNames is the maximum number of names in a notice.
	maxNames = 512
	// closedAfter is how long after its last name a notice is closed. The next
	// name goes into a new notice, so that the old one can be removed without
	// comparing clocks.
	closedAfter = 5 * time.Minute
)

// A notice is a file that tells other processes which names one process has
// revoked recently. Its names are numbered.
type notice struct {
	first uint64 // the number of the first name
	names []string
}

// next is the number of the next name.
func (n notice) next() uint64 { return n.first + uint64(len(n.names)) }

func (n notice) encode() []byte {
	return []byte(strconv.FormatUint(n.first, 10) + "\n" + strings.Join(n.names, "\n"))
}

func decodeNotice(value []byte) (notice, error) {
	number, names, _ := strings.Cut(string(value), "\n")
	first, err := strconv.ParseUint(number, 10, 64)
	if err != nil || names == "" {
		return notice{}, errors.New("storagestore: this is not a notice")
	}
	return notice{first: first, names: strings.Split(names, "\n")}, nil
}

// noticePlace is the place of a notice.
func noticePlace(id string) place { return place{key: path.Join(root, string(notices), id+suffix)} }

// An outbox is the notice of this process. Each process writes only its own, so
// no revocation waits for a lock.
type outbox struct {
	writing mutex // held by the caller that writes the notice

	mu      sync.Mutex
	id      string // the identifier of the notice
	first   uint64 // the number of the first name, from one on
	names   []outgoing
	written uint64 // the number of the last name that is in the storage
}

// outgoing is a name, with the time at which it was added.
type outgoing struct {
	name  string
	added time.Time
}

func newOutbox() *outbox {
	o := &outbox{writing: newMutex()}
	o.reset()
	return o
}

// reset begins a new notice.
func (o *outbox) reset() {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, see its documentation
	o.id, o.first, o.names, o.written = hex.EncodeToString(id[:]), 1, nil, 0
}

// last is the number of the last name.
func (o *outbox) last() uint64 { return o.first + uint64(len(o.names)) - 1 }

// add appends a name and returns its number.
func (o *outbox) add(name string, now time.Time) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.names) > 0 && o.written == o.last() && now.Sub(o.names[len(o.names)-1].added) > closedAfter {
		o.reset()
	}
	o.names = append(o.names, outgoing{name, now})
	for len(o.names) > maxNames || o.first <= o.written && now.Sub(o.names[0].added) > keptFor {
		o.names, o.first = o.names[1:], o.first+1
	}
	return o.last()
}

// latest is the number of the last name.
func (o *outbox) latest() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last()
}

// pending reports whether there are names that are not in the storage yet.
func (o *outbox) pending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written < o.last()
}

// notice returns the notice to write, and the number of its last name that has
// been written already.
func (o *outbox) notice() (id string, n notice, written uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n.first = o.first
	for _, out := range o.names {
		n.names = append(n.names, out.name)
	}
	return o.id, n, o.written
}

// setWritten records the number of the last name that is in the storage.
func (o *outbox) setWritten(seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written = seq
}

// publish writes the notice, at least up to a number. A caller that had to wait
// for another caller's write often finds that this write included its own name.
func (s *Store) publish(ctx context.Context, seq uint64) error {
	if err := s.outbox.writing.lock(ctx); err != nil {
		return err
	}
	defer s.outbox.writing.unlock()
	id, n, written := s.outbox.notice()
	if written >= seq {
		return nil
	}
	if err := s.put(ctx, noticePlace(id), newEntry(time.Time{}, n.encode())); err != nil {
		return err
	}
	s.outbox.setWritten(n.next() - 1)
	return nil
}
