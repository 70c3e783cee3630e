// Package storagestore keeps sessions in Caddy's own storage, whichever that
// is: the file system, or a storage module that several Caddys share. It is a
// [store.Store], and needs only those methods of the storage that [Storage]
// has.
//
// # What is stored where
//
//	authentik/sessions/ab/<name>.kept  a record; ab is the beginning of a hash of its name
//	authentik/ended/ab/<name>.kept     a tombstone
//	authentik/leases/ab/<name>.kept    a lease
//	authentik/notices/<id>.kept        the names that one process has revoked recently
//	authentik/sweep.kept               the directory that is swept next, by whichever process
//
// # What holds without locks
//
// A storage's locks are advisory, and may fail after a process was killed. They
// decide which of two writers of one version wins, and nothing that security
// depends on: a tombstone is stored beside its record and not in its place, so
// that no write to the record can undo it, and Load reads both.
//
// A lock is taken for one version of one entry, and is never needed again once
// that version is replaced. A lock with a permanent name could be kept alive
// for ever: the file system's storage refreshes a lock for some seconds after
// it was released, even if it belongs to another process by then that has been
// killed.
//
// On the file system a new entry needs no lock: its file gets its name with a
// link, which fails if the name is taken.
//
// # Which clocks are compared
//
// Records, tombstones and leases expire by the clock of the process that reads
// them. Where clocks differ, so do the ends; the sweeper waits long enough that
// it removes nothing that another process still considers valid. News of
// revocations is ordered by sequence numbers, not by time.
//
// # Files
//
//   - store.go: the store, its records
//   - entry.go, place.go: the format of what is stored, and its keys
//   - swap.go: reading, and replacing a version that was read before
//   - create.go: writing what was not there before
//   - limit.go: storages that ignore contexts
//   - tombstone.go, lease.go: revocations, leases
//   - outbox.go, inbox.go, watch.go: names that this process has revoked, names
//     that others have, and the callers of Watch
//   - sweep.go, leftovers.go: which process sweeps, and what is removed
//   - count.go: how many records there are
package storagestore
