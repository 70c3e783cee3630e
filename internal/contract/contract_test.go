package contract

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// A scenario is a flow and what visitors do and see in it.
type scenario struct {
	name string

	// The flow, twice: both have the flow "flow", the users and other objects,
	// under the same names. A scenario that is standInOnly needs no blueprint.
	standIn   func(names) authentiktest.Config
	blueprint func(names) *draft

	// application is the application that the gate checks access to; none if empty.
	application string

	// client makes the gate sign in by OpenID Connect, unless it is nil.
	client *client

	// pageHost sends authentik the site's own host name, so that links in mails
	// lead to the site and passkeys are made for it.
	pageHost bool

	// walk is what visitors do and see.
	walk func(*testing.T, *site)

	// since is the oldest release that the scenario runs at; all if empty.
	since authentiktest.Release

	// standInOnly says why the scenario cannot run at a real authentik.
	standInOnly string

	// knownBug describes the bug of the gate that makes the walk fail; the scenario
	// is skipped. The commit that fixes the bug deletes the line.
	knownBug string
}

// runsAt reports whether a release is new enough for the scenario.
func (s scenario) runsAt(release string) bool {
	return s.since == "" || slices.Compare(numbers(release), numbers(string(s.since))) >= 0
}

// numbers returns year and month of a release: 2026 and 8 for "2026.8.0-rc1".
func numbers(release string) []int {
	var all []int
	for _, part := range strings.SplitN(release, ".", 3) {
		if n, err := strconv.Atoi(part); err == nil && len(all) < 2 {
			all = append(all, n)
		}
	}
	return all
}

// scenarios returns all scenarios of the contract.
func scenarios() []scenario {
	var all []scenario
	for _, some := range [][]scenario{
		passwordScenarios(), identificationScenarios(), factorScenarios(), keyScenarios(), messageScenarios(), deviceScenarios(),
		formScenarios(), promptScenarios(), captchaScenarios(), silentScenarios(), enrolmentScenarios(), invitationScenarios(), recoveryScenarios(),
		refusalScenarios(), scriptedScenarios(), sourceScenarios(), visitScenarios(), jsonScenarios(),
		oidcScenarios(), recheckScenarios(), endScenarios(), signOutScenarios(),
	} {
		all = append(all, some...)
	}
	return all
}

// withBlueprint returns the scenarios that have a blueprint.
func withBlueprint() []scenario {
	return slices.DeleteFunc(scenarios(), func(s scenario) bool { return s.blueprint == nil && s.standInOnly != "" })
}

func (s scenario) applicationOf(n names) string {
	if s.application == "" {
		return ""
	}
	return n.unique(s.application)
}

func newNames() names {
	return names{run: "contract-" + strings.ToLower(rand.Text()[:8]), password: rand.Text()}
}

func TestContract_AtTheStandIn(t *testing.T) {
	t.Parallel()
	for _, release := range authentiktest.Releases() {
		for _, s := range scenarios() {
			t.Run(string(release)+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				if !s.runsAt(string(release)) {
					t.Skipf("needs release %s or later", s.since)
				}
				if s.knownBug != "" {
					t.Skip(s.knownBug)
				}
				s.atStandIn(t, release)
			})
		}
	}
}

func (s scenario) atStandIn(t *testing.T, release authentiktest.Release) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	at := newSite(t, s, "http://"+server.Listener.Addr().String())
	at.standIn = time.Now()
	cfg := s.standIn(at.names)
	cfg.Release, cfg.Now = release, at.authentikNow
	if s.client != nil {
		cfg.SigningKey = signingKey()
	}
	standIn, err := authentiktest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = standIn
	server.Start()
	at.guard(t, parse(t, server.URL), s)
	at.release, at.loseSessions, at.inbox, at.admin = release, standIn.Forget, standInInbox{standIn}, standInAdmin{standIn}
	at.cacheSignInPage(t)
	s.walk(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), answerTimeout)
	defer cancel()
	if err := standIn.Delivered(ctx); err != nil {
		t.Error(err)
	}
}

// The scenarios run one after the other: authentik throttles by client address,
// and here all visitors share one.
func TestContract_AtARealAuthentik(t *testing.T) {
	t.Parallel()
	address, token := os.Getenv("AUTHENTIK_URL"), os.Getenv("AUTHENTIK_TOKEN")
	if address == "" || token == "" {
		t.Skip("AUTHENTIK_URL and AUTHENTIK_TOKEN are not set: there is no authentik to run at")
	}
	authentik := parse(t, address)
	importer := &Importer{URL: authentik, Token: token, Client: &http.Client{Timeout: time.Minute}}
	release, err := importer.Release(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	messageServer := startMessageServer(t)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			if !s.runsAt(release) {
				t.Skipf("needs release %s or later, this is %s", s.since, release)
			}
			if reason := cmp.Or(s.standInOnly, s.knownBug); reason != "" {
				t.Skip(reason)
			}
			at := newSite(t, s, address)
			at.outbox = messageServer.outbox
			importer.bring(t, s.blueprint(at.names).Blueprint)
			at.guard(t, authentik, s)
			at.inbox, at.admin = messageServer, apiAdmin{importer}
			at.cacheSignInPage(t)
			s.walk(t, at)
		})
	}
}

// bring applies a blueprint and removes its objects when the test ends.
func (i *Importer) bring(t *testing.T, b Blueprint) {
	t.Helper()
	there, err := b.YAML()
	if err != nil {
		t.Fatal(err)
	}
	i.bringFile(t, there, b)
}

// bringFile applies a blueprint that is YAML already, and removes the objects of
// brought when the test ends.
func (i *Importer) bringFile(t *testing.T, there []byte, brought Blueprint) {
	t.Helper()
	gone, err := brought.Removal()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the import: it may fail halfway and leave objects behind
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context has ended
		defer cancel()
		if err := i.Import(ctx, gone); err != nil {
			t.Errorf("got error %[2]v, want the objects of %[1]s removed; delete them at authentik by hand", brought.Name, err)
		}
	})
	if err := i.Import(t.Context(), there); err != nil {
		t.Fatal(err)
	}
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
