package storagestore

import (
	"testing"
	"testing/synctest"
)

// bubble runs a test in a time of its own, which passes when everybody sleeps.
func bubble(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}
