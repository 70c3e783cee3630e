// Package redis keeps sessions in Redis or Valkey, so that several gates share
// them: in a single server, a server behind Sentinel, or a cluster. It is a
// [store.Store].
//
//	sessions, err := redis.New(redis.Config{Addresses: []string{"redis:6379"}})
//
// Everything about a name is one key. It holds either a record or a tombstone,
// never both: no reader sees one beside the other, and no two keys have to be
// in the same slot of a cluster. A key is changed by a script, which Redis runs
// atomically. Each call is one round trip, and a call that is retried because
// its answer was lost has the effect of one.
//
// Expiry becomes a duration by the clock of this process, by which the gate
// computes ends as well: the clocks of Redis and of other servers may be wrong.
//
// Watchers are told of revocations through a channel to which the script that
// sets a tombstone publishes. So that a subscription that has silently stopped
// working is noticed, the store sends itself a heartbeat through every master,
// twice a second, and considers the watch lost if that does not come back. It
// publishes with PUBLISH, which reaches all nodes of a cluster; a script could
// not publish to a sharded channel of another slot.
//
// The store keeps nothing forever, and loses the data that the server loses:
// its operator has to keep it from evicting keys, and to have it write a log.
//
//   - config.go: where Redis is
//   - entry.go, store.go and the scripts: records and tombstones
//   - lease.go: leases
//   - watch.go, subscriber.go, heartbeat.go: the callers of Watch, their common
//     subscription, and whether it works
//   - count.go: how many records there are
//   - eviction.go: a warning for operators
package redis
