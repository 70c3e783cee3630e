package sites

import (
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/testsite"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "the seed of the first site; without it a search with -for chooses one, and all others have the same")
	sitesFlag = flag.Int("sites", 12, "how many sites are tried")
	stepsFlag = flag.Int("steps", 80, "how many steps are done at each site")
	forFlag   = flag.Duration("for", 0, "how long sites are tried, instead of a number of them")
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		directory, err := os.MkdirTemp("", "sites-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(directory) }()
		if err := os.Setenv("XDG_DATA_HOME", directory); err != nil { // where Caddy keeps what is of no site
			panic(err)
		}
		return m.Run()
	}())
}

// TestSites_KeepTheirPromises tries random sites.
func TestSites_KeepTheirPromises(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Caddy")
	}
	seed := *seedFlag
	switch {
	case seed != 0:
	case *forFlag > 0:
		seed = rand.Uint64() //nolint:gosec // it is printed
	default:
		seed = 1
	}
	refused, began := 0, time.Now()
	for i := uint64(0); *forFlag > 0 && time.Since(began) < *forFlag || *forFlag == 0 && i < uint64(*sitesFlag); i++ { //nolint:gosec // small
		random := rand.New(rand.NewPCG(seed+i, 1)) //nolint:gosec // the same each time
		s, steps := randomSite(random), randomSteps(random, *stepsFlag)
		done, err := try(t, s, steps, streamsEnd)
		switch {
		case errors.Is(err, errNoSite):
			refused++
			t.Logf("seed %d: %v", seed+i, err)
		case err != nil:
			report(t, seed+i, s, steps[:done], err)
		}
	}
	t.Logf("seed %d: %d sites are refused by Caddy", seed, refused)
}

// try does steps at a site until something is wrong, and returns how many it has
// done.
func try(t *testing.T, s site, steps []step, patience time.Duration) (done int, err error) {
	t.Helper()
	w, err := open(t, s, patience)
	if w != nil {
		defer func() {
			if err := w.close(); err != nil {
				t.Error(err)
			}
		}()
	}
	if err != nil {
		return 0, err
	}
	for i, step := range steps {
		w.do(step)
		if err := w.faults(); err != nil {
			return i + 1, err
		}
	}
	return len(steps), nil
}

// A stream ends within two seconds of its session. A test must not depend on how
// busy the machine is, but may when it only makes a list shorter.
const (
	streamsEnd  = testsite.Timeout / 4
	streamsSoon = 3 * time.Second
)

// shortening is how long a list of steps is made shorter.
const shortening = time.Minute

// report fails the test with a short list of steps that still fails.
func report(t *testing.T, seed uint64, s site, steps []step, err error) {
	t.Helper()
	deadline := time.Now().Add(shortening)
	for size := len(steps) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(steps) && time.Now().Before(deadline); {
			fewer := slices.Concat(steps[:at], steps[at+size:])
			if done, shorter := try(t, s, fewer, streamsSoon); shorter != nil {
				steps, err = fewer[:done], shorter
				continue
			}
			at += size
		}
	}
	t.Errorf("go test ./internal/sites -seed %d -sites 1 -steps %d\n%v\nafter %v\nat\n%s", seed, *stepsFlag, err, steps,
		s.caddyfile(addresses{"8080", "off", "storage", "AUTHENTIK", "APPLICATION"}, 0))
}
