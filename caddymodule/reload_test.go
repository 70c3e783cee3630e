package caddymodule

import (
	"net/http"
	"os"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/gates"
)

// gateOnly has no reverse proxy, whose own connections outlive a reload.
const gateOnly = "SITE {\n\tauthentik AUTHENTIK\n\trespond `user \"{http.auth.user.id}\"`\n}\n"

const (
	reloads = 200
	// heapSlack is how much more heap may be in use after all reloads. A gate
	// that stays in memory has 20 KB and more.
	heapSlack = 2 << 20
	// countSlack is how many more goroutines and files may be there: those of
	// connections that are about to close.
	countSlack = 5
)

var pictures = regexp.MustCompile(`/\.authentik/brand/[^"&?)]+`)

// A usage is what a process holds.
type usage struct {
	goroutines, files int
	heap              uint64
}

// measure returns what the process holds, after everything that is no longer
// needed was given back.
func measure() usage {
	runtime.GC()
	runtime.GC() // frees what finalizers of the first run have let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{goroutines: runtime.NumGoroutine(), heap: m.HeapAlloc}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.files = len(files)
	}
	return u
}

// within reports whether a process holds no more than before.
func (u usage) within(before usage) bool {
	return u.goroutines <= before.goroutines+countSlack && u.files <= before.files+countSlack && u.heap <= before.heap+heapSlack
}

// settled measures until a process holds no more than before. On a busy machine
// connections take their time to close.
func settled(before usage) usage {
	tries := 1500
	if before == (usage{}) { // there is nothing to compare with
		tries = 50
	}
	u := measure()
	for range tries {
		if u.within(before) {
			break
		}
		time.Sleep(20 * time.Millisecond)
		u = measure()
	}
	return u
}

// TestReload_CostsAsMuchForEachOfManySites: a gate that looks at the routes of all sites
// of its server makes a reload of many sites slow.
func TestReload_CostsAsMuchForEachOfManySites(t *testing.T) {
	allocations := func(sites int) float64 {
		s := newSite(t)
		text := manySites(sites, "\tauthentik AUTHENTIK\n")
		s.load(text)
		s.browser().get(s.at("site0.example", "/")) // without a key, gates are only checked
		config := s.adapt("", text)
		return testing.AllocsPerRun(1, func() {
			if err := caddy.Load(config, true); err != nil {
				t.Fatal(err)
			}
		}) / float64(sites)
	}
	if few, many := allocations(25), allocations(150); many > 1.5*few {
		t.Errorf("got %.0f allocations for each of 150 sites, want about as many as for each of 25, %.0f", many, few)
	}
}

// Nothing of a gate outlives its configuration: no goroutine, no file and no
// memory, such as that of pictures that were fetched.
func TestReload_LeavesNothingBehind(t *testing.T) {
	s := newSite(t)
	s.load(gateOnly)
	b := s.browser()
	b.expect(b.follow(b.signIn("/", "ada")), http.StatusOK, `user "ada"`)
	visit := func() {
		anonymous := s.browser()
		page := anonymous.expect(anonymous.get("/.authentik/login"), http.StatusOK, `name="visit"`)
		picture := pictures.FindString(page.body)
		if picture == "" {
			t.Fatalf("got no picture on the page:\n%s", page.body)
		}
		if a := anonymous.get(picture); a.StatusCode != http.StatusOK {
			t.Fatalf("got status %d for the picture %s, want 200", a.StatusCode, picture)
		}
		b.expect(b.get("/"), http.StatusOK, `user "ada"`)
	}
	visit()
	for range 10 { // until caches of the process have their size
		s.load(gateOnly)
	}
	visit()
	before := settled(usage{})
	for i := range reloads {
		s.load(gateOnly)
		if i%20 == 0 {
			visit()
		}
	}
	visit()
	if after := settled(before); !after.within(before) {
		t.Errorf("got %+v after %d reloads, want no more than %+v", after, reloads, before)
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, configured := gates.Running(); configured {
		t.Error("got gates after the end of Caddy, want none")
	}
}

// A configuration that is refused leaves nothing behind either.
func TestReload_ThatIsRefusedLeavesNothingBehind(t *testing.T) {
	s := newSite(t)
	s.load(gateOnly)
	s.browser().get("/")
	const refused = "SITE {\n\tauthentik AUTHENTIK\n\tauthentik AUTHENTIK {\n\t\tlifetime {env.GATE_THAT_IS_NOT_SET}\n\t}\n}\n"
	attempt := func() {
		if err := s.try("", refused); err == nil {
			t.Fatal("got no error for an empty placeholder")
		}
	}
	for range 5 {
		attempt()
	}
	before := settled(usage{})
	for range 50 {
		attempt()
	}
	if after := settled(before); !after.within(before) {
		t.Errorf("got %+v after 50 refused configurations, want no more than %+v", after, before)
	}
	s.browser().expect(s.browser().get("/"), http.StatusSeeOther, "")
}
