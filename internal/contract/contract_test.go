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

// A scenario is one way to sign in, or not to.
type scenario struct {
	name string

	// The flow, twice: both have the flow "flow", users and what else it takes,
	// under the same names. What is not there needs no blueprint.
	standIn   func(names) authentiktest.Config
	blueprint func(names) *draft

	// application, unless it is empty, is the application that the gate asks
	// authentik about.
	application string

	// client, unless it is nil, has sign-ins rest on OpenID Connect.
	client *client

	// pageHost tells authentik the site's own host name, so that links in mails
	// lead to it and keys belong to it.
	pageHost bool

	// walk is what visitors do and see.
	walk func(*testing.T, *site)

	// since is the oldest release that it can be walked at; all if empty.
	since authentiktest.Release

	// notThere says why it cannot be walked at a real authentik.
	notThere string

	// notYet says what is wrong with the gate, so that the walk fails. Whoever mends
	// it deletes the line.
	notYet string
}

// at reports whether a release is new enough for the scenario.
func (s scenario) at(release string) bool {
	return s.since == "" || slices.Compare(numbers(release), numbers(string(s.since))) >= 0
}

// numbers are year and month of a release: of "2026.8.0-rc1" they are 2026 and 8.
func numbers(release string) []int {
	var all []int
	for _, part := range strings.SplitN(release, ".", 3) {
		if n, err := strconv.Atoi(part); err == nil && len(all) < 2 {
			all = append(all, n)
		}
	}
	return all
}

// scenarios are the contract.
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

// written are those that have a blueprint.
func written() []scenario {
	return slices.DeleteFunc(scenarios(), func(s scenario) bool { return s.blueprint == nil && s.notThere != "" })
}

func (s scenario) applicationOf(n names) string {
	if s.application == "" {
		return ""
	}
	return n.of(s.application)
}

func newNames() names {
	return names{run: "contract-" + strings.ToLower(rand.Text()[:8]), password: rand.Text()}
}

func TestTheGateKeepsTheContractAtTheStandIn(t *testing.T) {
	t.Parallel()
	for _, release := range authentiktest.Releases() {
		for _, s := range scenarios() {
			t.Run(string(release)+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				if !s.at(string(release)) {
					t.Skipf("begins with release %s", s.since)
				}
				if s.notYet != "" {
					t.Skip(s.notYet)
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
	at.release, at.forget, at.post, at.admin = release, standIn.Forget, standInPost{standIn}, standInDesk{standIn}
	at.passBy(t)
	s.walk(t, at)
	ctx, cancel := context.WithTimeout(t.Context(), answerTimeout)
	defer cancel()
	if err := standIn.Delivered(ctx); err != nil {
		t.Error(err)
	}
}

// The same walks at a real authentik, one after the other: its throttles see one client.
func TestTheGateKeepsTheContractAtARealAuthentik(t *testing.T) {
	t.Parallel()
	address, token := os.Getenv("AUTHENTIK_URL"), os.Getenv("AUTHENTIK_TOKEN")
	if address == "" || token == "" {
		t.Skip("AUTHENTIK_URL and AUTHENTIK_TOKEN are not set: there is no authentik to walk at")
	}
	authentik := parse(t, address)
	importer := &Importer{URL: authentik, Token: token, Client: &http.Client{Timeout: time.Minute}}
	release, err := importer.Release(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	office := openOffice(t)
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			if !s.at(release) {
				t.Skipf("begins with release %s, this is %s", s.since, release)
			}
			if reason := cmp.Or(s.notThere, s.notYet); reason != "" {
				t.Skip(reason)
			}
			at := newSite(t, s, address)
			at.outbox = office.outbox
			importer.bring(t, s.blueprint(at.names).Blueprint)
			at.guard(t, authentik, s)
			at.post, at.admin = office, desk{importer}
			at.passBy(t)
			s.walk(t, at)
		})
	}
}

// bring applies a blueprint for the time of a test.
func (i *Importer) bring(t *testing.T, b Blueprint) {
	t.Helper()
	there, err := b.YAML()
	if err != nil {
		t.Fatal(err)
	}
	i.bringFile(t, there, b)
}

// bringFile applies a blueprint that is written already, and has what it brings
// taken away.
func (i *Importer) bringFile(t *testing.T, there []byte, brought Blueprint) {
	t.Helper()
	gone, err := brought.Removal()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what half an import has left goes too
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own is over
		defer cancel()
		if err := i.Import(ctx, gone); err != nil {
			t.Errorf("what %s has made may still be there: %v", brought.Name, err)
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
