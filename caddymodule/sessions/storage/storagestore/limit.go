package storagestore

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxWait is the timeout for one operation, even if its caller would wait
	// longer. The file system's storage removes the lock of a killed process
	// after some twelve seconds.
	maxWait = 20 * time.Second
	// maxConcurrent is the maximum number of concurrent operations of callers.
	// Operations from which the storage never returns count too, so there can
	// be no more of them.
	maxConcurrent = 128
	// closeTimeout is how long Close waits for a storage that does not return.
	closeTimeout = 5 * time.Second
)

// slots limit the number of concurrent operations.
type slots chan struct{}

// drain waits until no operation is running, or the context is done.
func (s slots) drain(ctx context.Context) {
	for range cap(s) {
		select {
		case <-ctx.Done():
			return
		case s <- struct{}{}:
			defer func() { <-s }()
		}
	}
}

// call runs an operation of a caller.
func call[T any](ctx context.Context, s *Store, work func(context.Context) (T, error)) (T, error) {
	s.start()
	return bounded(ctx, s.requests, maxWait, work)
}

// bounded runs work in a goroutine, and waits for it no longer than the context
// and the limit allow. The file system's storage ignores contexts, and a
// storage whose network is gone may never return. Work that nothing waits for
// any more ends when it next checks its context.
func bounded[T any](ctx context.Context, s slots, limit time.Duration, work func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-ctx.Done():
		return none, fmt.Errorf("storagestore: waiting for a busy storage: %w", ctx.Err())
	case s <- struct{}{}:
	}
	done := make(chan outcome[T], 1)
	go func() {
		defer func() { <-s }()
		done <- attempt(ctx, work)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		return none, fmt.Errorf("storagestore: waiting for the storage: %w", ctx.Err())
	}
}

// An outcome is the result of work.
type outcome[T any] struct {
	value T
	err   error
}

// attempt does the work. A panic of the storage becomes an error: no server would
// recover it in this goroutine.
func attempt[T any](ctx context.Context, work func(context.Context) (T, error)) (o outcome[T]) {
	defer func() {
		if p := recover(); p != nil {
			o.err = fmt.Errorf("storagestore: the storage panicked: %v", p)
		}
	}()
	o.value, o.err = work(ctx)
	return o
}

// nothing is the result of work without a result.
type nothing = struct{}

// A mutex is a lock whose waiters leave when their context is done.
type mutex chan struct{}

func newMutex() mutex { return make(mutex, 1) }

func newMutexes() (all [stripes]mutex) {
	for i := range all {
		all[i] = newMutex()
	}
	return all
}

func (m mutex) lock(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("storagestore: waiting for another writer: %w", ctx.Err())
	case m <- struct{}{}:
		return nil
	}
}

func (m mutex) unlock() { <-m }

// pause waits for a duration, or until the context is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
