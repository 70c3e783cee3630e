package shared

import (
	"errors"
	"testing"
)

type testKey struct{ name string }

type testValue struct{ closed int }

func (v *testValue) Destruct() error {
	v.closed++
	return nil
}

func take(t *testing.T, name string) (*testValue, func() error) {
	t.Helper()
	value, release, err := Take(testKey{name}, func() (*testValue, error) { return new(testValue), nil })
	if err != nil {
		t.Fatal(err)
	}
	return value, release
}

func TestTake_ValueIsSharedUntilTheLastRelease(t *testing.T) {
	t.Parallel()
	one, releaseOne := take(t, "shared")
	two, releaseTwo := take(t, "shared")
	other, releaseOther := take(t, "other")
	if one != two || one == other {
		t.Error("got the wrong values, want one for each key")
	}
	for range 2 { // a second release does nothing
		if err := releaseOne(); err != nil {
			t.Error(err)
		}
	}
	if one.closed != 0 {
		t.Error("got the value closed while it was in use, want it open")
	}
	if err := errors.Join(releaseTwo(), releaseOther()); err != nil {
		t.Error(err)
	}
	if one.closed != 1 || other.closed != 1 {
		t.Errorf("got closed %d and %d times, want once each", one.closed, other.closed)
	}
}

func TestTake_FailureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	failure := errors.New("down")
	_, _, err := Take(testKey{"failing"}, func() (*testValue, error) { return nil, failure })
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want %v", err, failure)
	}
	if n, known := Pool.References(testKey{"failing"}); known {
		t.Errorf("got %d references, want none", n)
	}
}
