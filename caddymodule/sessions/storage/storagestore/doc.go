// Package storagestore keeps sessions in Caddy's own storage, whichever that
// is: the file system, or a storage module that several Caddys share. It is a
// [store.Store], and no storage itself.
//
// # What lies where
//
//	authentik/sessions/ab/<name>.kept  a record; ab is the beginning of a hash of its name
//	authentik/ended/ab/<name>.kept     a tombstone
//	authentik/leases/ab/<name>.kept    a lease
//	authentik/notices/<id>.kept        what one process has buried lately
//	authentik/sweep.kept               where the sweeping of all processes has come to
//
// # What holds without locks
//
// A storage's locks are advisory, and may fail after a process was killed. They
// decide which of two writers of one version wins, and nothing that anybody's
// safety hangs on: a tombstone lies beside its record and not in its place, so
// that no write to the record can undo it, and Load looks at both.
//
// A lock is taken for one version of one thing, and never needed again once that
// version is past. One name for all time would be kept alive by the file
// system's storage: it refreshes a lock for some seconds after it was given back, also
// when it is somebody else's by then, and for ever should that one be killed.
//
// # What clocks are for
//
// Expiry: of records, tombstones and leases, each by the clock of the process that
// asks. Where clocks differ, so do the ends; the sweeper waits so long that it takes away
// nothing that another process may believe in. News of burials go by numbers
// alone.
//
// # What is where in the code
//
//   - store.go: the store, its records
//   - entry.go, place.go: what is written, and where
//   - swap.go: reading, and writing what has not changed since
//   - patience.go: storages that do not heed a context
//   - burial.go, lease.go: tombstones, leases
//   - notice.go, ear.go, watch.go: what this process tells others, what it hears from them, and who is told here
//   - sweep.go, broom.go: whose turn it is to sweep, and what goes
//   - tally.go: how many there are
package storagestore
