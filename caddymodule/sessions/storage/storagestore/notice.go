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
	// notedFor is how long a name stays in the notice. Who has not read it by then is told to
	// forget everything.
	notedFor = 10 * time.Second
	// notedMost is how many names the notice has at most.
	notedMost = 512
	// closedAfter is how long after its last name a notice gets no more. The next
	// name goes into another, so that what has lain still can be taken away
	// without a look at anybody's clock.
	closedAfter = 5 * time.Minute
)

// A line is a name that was buried.
type line struct {
	name  string
	noted time.Time
}

// A notice is what this process tells the others: the names that it has buried
// lately, numbered from one. Each process writes its own and nobody else's, so
// that no burial waits for a lock.
type notice struct {
	writing turn // of the one who writes

	mu      sync.Mutex
	id      string
	first   uint64 // the number of the first line
	lines   []line
	written uint64 // the number of the last line that is in the storage
}

func newNotice() *notice {
	n := &notice{writing: newTurn()}
	n.begin()
	return n
}

// begin begins another notice.
func (n *notice) begin() {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails, see its documentation
	n.id, n.first, n.lines, n.written = hex.EncodeToString(id[:]), 1, nil, 0
}

// last is the number of the last line.
func (n *notice) last() uint64 { return n.first + uint64(len(n.lines)) - 1 }

// add puts a name on the notice and returns its number.
func (n *notice) add(name string, now time.Time) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lines) > 0 && n.written == n.last() && now.Sub(n.lines[len(n.lines)-1].noted) > closedAfter {
		n.begin()
	}
	n.lines = append(n.lines, line{name, now})
	for len(n.lines) > notedMost || n.first <= n.written && now.Sub(n.lines[0].noted) > notedFor {
		n.lines, n.first = n.lines[1:], n.first+1
	}
	return n.last()
}

// latest is the number of the last line.
func (n *notice) latest() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last()
}

// pending reports whether there are names that the storage did not take yet.
func (n *notice) pending() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.written < n.last()
}

// page is the notice as it is to be written.
func (n *notice) page() (id string, p page, written uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p.first = n.first
	for _, l := range n.lines {
		p.names = append(p.names, l.name)
	}
	return n.id, p, n.written
}

// done notes how far the notice is written.
func (n *notice) done(seq uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.written = seq
}

// publish writes the notice, at least up to a number. Who has waited for
// another's write often finds the own name written with it.
func (s *Store) publish(ctx context.Context, seq uint64) error {
	if err := s.notice.writing.take(ctx); err != nil {
		return err
	}
	defer s.notice.writing.give()
	id, p, written := s.notice.page()
	if written >= seq {
		return nil
	}
	if err := s.put(ctx, noticed(id), fresh(time.Time{}, p.encode())); err != nil {
		return err
	}
	s.notice.done(p.next() - 1)
	return nil
}

// noticed is the place of a notice.
func noticed(id string) place { return place{key: path.Join(root, string(notices), id+suffix)} }

// A page is a notice as it is written and read.
type page struct {
	first uint64
	names []string
}

// next is the number that the next name will have.
func (p page) next() uint64 { return p.first + uint64(len(p.names)) }

func (p page) encode() []byte {
	return []byte(strconv.FormatUint(p.first, 10) + "\n" + strings.Join(p.names, "\n"))
}

func readPage(value []byte) (page, error) {
	number, names, _ := strings.Cut(string(value), "\n")
	first, err := strconv.ParseUint(number, 10, 64)
	if err != nil || names == "" {
		return page{}, errors.New("storagestore: this is no notice")
	}
	return page{first: first, names: strings.Split(names, "\n")}, nil
}
