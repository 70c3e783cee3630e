package gatekey

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakeStorage is a storage made of functions; those that are nil work.
type fakeStorage struct {
	mu    sync.Mutex // the lock of the storage
	inner sync.Mutex
	kept  map[string][]byte

	lock  func() error
	load  func() ([]byte, error)
	store func() error
}

func (v *fakeStorage) Lock(context.Context, string) error {
	if v.lock != nil {
		return v.lock()
	}
	v.mu.Lock()
	return nil
}

func (v *fakeStorage) Unlock(context.Context, string) error {
	v.mu.Unlock()
	return nil
}

func (v *fakeStorage) Load(_ context.Context, name string) ([]byte, error) {
	if v.load != nil {
		return v.load()
	}
	v.inner.Lock()
	defer v.inner.Unlock()
	if value, found := v.kept[name]; found {
		return value, nil
	}
	return nil, fs.ErrNotExist
}

func (v *fakeStorage) Store(_ context.Context, name string, value []byte) error {
	if v.store != nil {
		return v.store()
	}
	v.inner.Lock()
	defer v.inner.Unlock()
	if v.kept == nil {
		v.kept = make(map[string][]byte)
	}
	v.kept[name] = bytes.Clone(value)
	return nil
}

func TestKey_IsCreatedOnce(t *testing.T) {
	t.Parallel()
	var (
		v     fakeStorage
		lines bytes.Buffer
		log   = slog.New(slog.NewTextHandler(&lines, nil))
	)
	first, err := LoadOrCreate(t.Context(), &v, log)
	if err != nil || len(first) != Size {
		t.Fatalf("got %d bytes, error %v, want %d bytes", len(first), err, Size)
	}
	second, err := LoadOrCreate(t.Context(), &v, log)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("got another key at the second start, error %v, want the same", err)
	}
	if n := strings.Count(lines.String(), "gate's key: created"); n != 1 {
		t.Errorf("got %d log lines that a key was made, want 1", n)
	}
	if other, _ := LoadOrCreate(t.Context(), new(fakeStorage), log); bytes.Equal(first, other) {
		t.Error("got the same key from two storages, want two keys")
	}
}

func TestKey_IsCreatedByOneOfManyProcesses(t *testing.T) {
	t.Parallel()
	var (
		v    fakeStorage
		wg   sync.WaitGroup
		keys = make([][]byte, 16)
	)
	for i := range keys {
		wg.Go(func() { keys[i], _ = LoadOrCreate(t.Context(), &v, slog.New(slog.DiscardHandler)) })
	}
	wg.Wait()
	for _, key := range keys {
		if len(key) != Size || !bytes.Equal(key, keys[0]) {
			t.Fatal("got two keys of two starts, want the same")
		}
	}
}

func TestKey_OfAFailingStorageIsAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	tests := map[string]*fakeStorage{
		"lock":       {lock: func() error { return broken }},
		"load":       {load: func() ([]byte, error) { return nil, broken }},
		"store":      {store: func() error { return broken }},
		"cut short":  {kept: map[string][]byte{storageKey: []byte("short")}},
		"empty file": {kept: map[string][]byte{storageKey: {}}},
	}
	for name, v := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := LoadOrCreate(t.Context(), v, slog.New(slog.DiscardHandler))
			if err == nil || key != nil {
				t.Fatalf("LoadOrCreate = %d bytes, %v; want none and an error", len(key), err)
			}
			if v.kept == nil && !errors.Is(err, broken) {
				t.Errorf("got error %v, want the cause %v", err, broken)
			}
		})
	}
}

func TestKey_CreatedDuringTheWaitForTheLockIsUsed(t *testing.T) {
	t.Parallel()
	theirs := bytes.Repeat([]byte{7}, Size)
	var v fakeStorage
	v.lock = func() error {
		v.mu.Lock()
		v.kept = map[string][]byte{storageKey: theirs}
		return nil
	}
	key, err := LoadOrCreate(t.Context(), &v, slog.New(slog.DiscardHandler))
	if err != nil || !bytes.Equal(key, theirs) {
		t.Errorf("got key %x, error %v, want %x", key, err, theirs)
	}
}

// The storage is emptied while Caddy runs.
func TestKey_ThatTheStorageHasLostIsWrittenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		storage, log := new(fakeStorage), slog.New(slog.NewTextHandler(&said, nil))
		key, err := LoadOrCreate(t.Context(), storage, log)
		if err != nil {
			t.Fatal(err)
		}
		go Keep(t.Context(), storage, key, log)
		time.Sleep(time.Minute)
		synctest.Wait()
		if strings.Contains(said.String(), "lost") {
			t.Errorf("got a key that was lost, want it where it was: %s", said.String())
		}
		storage.inner.Lock()
		clear(storage.kept)
		storage.inner.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if again, err := Load(t.Context(), storage); !bytes.Equal(again, key) || err != nil {
			t.Errorf("got the key %x (%v), want %x", again, err, key)
		}
		if n := strings.Count(said.String(), "written again"); n != 1 {
			t.Errorf("got %d lines about it, want 1: %s", n, said.String())
		}
		storage.inner.Lock()
		storage.kept[storageKey] = bytes.Repeat([]byte("x"), Size)
		storage.inner.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(said.String(), "another one"); n != 1 {
			t.Errorf("got %d lines about another key, want 1: %s", n, said.String())
		}
	})
}

// A file system that was full has kept only the beginning of the key, or nothing.
func TestKey_ThatTheStorageHasDamagedIsWrittenAgain(t *testing.T) {
	t.Parallel()
	for _, damaged := range [][]byte{{}, []byte("short"), bytes.Repeat([]byte("long"), Size)} {
		synctest.Test(t, func(t *testing.T) {
			storage, log := new(fakeStorage), slog.New(slog.DiscardHandler)
			key, err := LoadOrCreate(t.Context(), storage, log)
			if err != nil {
				t.Fatal(err)
			}
			go Keep(t.Context(), storage, key, log)
			storage.inner.Lock()
			storage.kept[storageKey] = damaged
			storage.inner.Unlock()
			time.Sleep(time.Minute)
			synctest.Wait()
			if again, err := Load(t.Context(), storage); !bytes.Equal(again, key) || err != nil {
				t.Errorf("%d bytes: got the key %x (%v), want %x", len(damaged), again, err, key)
			}
		})
	}
}

// Another Caddy may have written its key since this one has missed it.
func TestKey_OfAnotherCaddyIsNotReplaced(t *testing.T) {
	t.Parallel()
	theirs, ours := bytes.Repeat([]byte{7}, Size), bytes.Repeat([]byte{8}, Size)
	storage := &fakeStorage{kept: map[string][]byte{storageKey: theirs}}
	restore(t.Context(), storage, ours, slog.New(slog.DiscardHandler))
	if got, err := Load(t.Context(), storage); !bytes.Equal(got, theirs) || err != nil {
		t.Errorf("got the key %x (%v), want that of the other, %x", got, err, theirs)
	}
}
