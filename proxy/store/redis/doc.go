// Package redis keeps the sessions of package proxy in Redis or Valkey, so
// that several servers have the same: one server, one behind Sentinel, or a cluster.
//
//	store, err := redis.New(redis.Config{Addresses: []string{"redis:6379"}})
//
// Everything about one name is one key. It holds either a record or the mark
// that the name is buried, never both, so that no reader sees one beside the
// other and no key has to lie in the same part of a cluster as another. What changes a
// key is a script, which Redis runs with nothing in between. Each call is
// one round trip, and one that was tried again, since its answer was lost, does what it
// would have done once.
//
// Times become durations by this process's clock, which the gate's ends are made by as
// well: clocks of Redis and of other servers may be wrong.
//
// Who watches hears of burials over a channel that the burying script publishes
// on. A second way of learning is not needed as long as that channel is sure to be
// heard, and so the store asks itself all the time: twice a second it publishes a word
// of its own, through every master, and takes itself for deaf when that does not come
// back. The servers' own PUBLISH reaches all of a cluster; sharded channels
// would not, and a script could not publish on one of another slot.
//
// It is no cache and no queue, keeps nothing for ever, and does not survive what the server
// behind it forgets: its operator has to keep it from evicting, and to have it write a log.
//
// Who it is: config.go. What is kept: entry.go, store.go, the scripts. Leases:
// lease.go. Hearing: watch.go for those who watch, ear.go for the connection, pulse.go for
// whether it is any good. How many there are: census.go. What operators are warned of: eviction.go.
package redis
