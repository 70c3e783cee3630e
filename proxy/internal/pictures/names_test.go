package pictures

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestName_OnlyTheGateCanMakeOne(t *testing.T) {
	t.Parallel()
	mine, other := newNames([]byte("mine"), nil), newNames([]byte("other"), nil)
	name := mine.Name("/static/logo.svg?token=x")
	if address, ok := mine.address(name); !ok || address != "/static/logo.svg?token=x" {
		t.Fatalf("address: got %q, %t, want the one that was named", address, ok)
	}
	if again := mine.Name("/static/logo.svg?token=x"); again != name {
		t.Errorf("second name: got %q, want %q: no browser could keep the picture", again, name)
	}
	_, text, _ := strings.Cut(name, ".")
	for _, forged := range []string{other.Name("/static/logo.svg?token=x"), "." + text, text, "", "x." + text, name + "A"} {
		if address, ok := mine.address(forged); ok {
			t.Errorf("forged name %q: got address %q, want none", forged, address)
		}
	}
}

// TestName_StaysFromStepToStep: under another the browser would load the picture
// again.
func TestName_StaysFromStepToStep(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := newNames([]byte("key"), func() time.Time { return now })
	first := n.Name("/media/a.jpg?token=1")
	if address, _ := n.address(first); address != "/media/a.jpg?token=1" {
		t.Errorf("address: got %q, want the one that was named", address)
	}
	if again := n.Name("/media/a.jpg?token=2"); again != first {
		t.Errorf("name with another token: got %q, want %q", again, first)
	}
	for _, other := range []string{"/media/b.jpg?token=1", "https://auth.example.com/media/a.jpg?token=1", "/media/a.jpg"} {
		if address, _ := n.address(n.Name(other)); address != other {
			t.Errorf("address of another picture: got %q, want %q", address, other)
		}
	}
	now = now.Add(nameLifetime)
	if address, _ := n.address(n.Name("/media/a.jpg?token=3")); address != "/media/a.jpg?token=3" {
		t.Errorf("name whose token is about to expire: got %q, want one with the new token", address)
	}
}

func TestName_KeptOnesAreBounded(t *testing.T) {
	t.Parallel()
	n := newNames([]byte("key"), nil)
	for i := range 3 * maxNames {
		n.Name(fmt.Sprintf("/media/%d.jpg?token=x", i))
	}
	if got := n.steady.Len(); got > maxNames {
		t.Errorf("names: got %d, want at most %d", got, maxNames)
	}
}
