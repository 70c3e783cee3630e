package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"golang.org/x/sync/singleflight"
)

const (
	// copyKept is how long a first question is drawn again. Pictures in it are good for
	// about fifteen minutes, and a flow that was edited shows at the latest with the first answer.
	copyKept = 10 * time.Second
	// copyBound is how many are kept, and copyBytes how large one may be: it has
	// a few kilobytes unless its pictures stand in it.
	copyBound = 200
	copyBytes = 128 << 10
	// copyName bounds, in bytes, what of a visitor's goes into the name of a copy. authentik is
	// told no more than that of a language.
	copyName = 256
)

// copies are first questions of flows, some seconds old. For visitors of whom nothing is
// known yet authentik asks all the same, so it need not be asked each time, and keeps no
// session for those who only look at the page, or for machines that load it all day.
type copies struct {
	now    func() time.Time
	asking singleflight.Group
	mu     sync.Mutex
	kept   map[copyKey]copied
}

// A copyKey is all that authentik is told of a visitor who has no cookies of its own, less
// address and browser: those may decide whether somebody is let in, and a denial is nothing
// that is kept.
type copyKey struct{ scheme, host, flow, language string }

func (k copyKey) String() string {
	return fmt.Sprintf("%q", [...]string{k.scheme, k.host, k.flow, k.language})
}

// A copied is a first question without the cookies of whoever it was asked. One that is
// not plain only says that it is of no use to others.
type copied struct {
	step  flowclient.Step
	plain bool
	at    time.Time
}

func newCopies(now func() time.Time) *copies { return &copies{now: now, kept: map[copyKey]copied{}} }

// opening returns the first question of a flow. Who has been here before is asked in
// person: authentik may know the device.
func (g *Gate) opening(ctx context.Context, v flowclient.Visitor, flow flowclient.Flow) (flowclient.Step, error) {
	ask := func() (flowclient.Step, error) { return g.cfg.Client.Ask(ctx, v, flow) }
	key := copyKey{v.Scheme, v.Host, flow.Slug, v.Language}
	if len(v.Cookies) > 0 || flow.Query != "" || len(v.Host) > copyName || len(v.Language) > copyName {
		return ask()
	}
	return g.copies.question(key, flow, ask)
}

// question returns a copy, or what ask fetches. Of those who miss it at once one asks; that
// visitor has begun a visit by it, the others have not. A question that is not for
// everybody, and above all a refusal, a redirect and an error, is heard by the one alone who got
// it: a visitor of bad repute does not set what others see.
func (c *copies) question(key copyKey, flow flowclient.Flow, ask func() (flowclient.Step, error)) (flowclient.Step, error) {
	found, ok := c.find(key)
	var step flowclient.Step
	var err error
	mine := false
	if !ok {
		shared, _, _ := c.asking.Do(key.String(), func() (any, error) {
			if landed, there := c.find(key); there {
				return landed, nil
			}
			mine = true
			step, err = ask()
			return c.keep(key, flow, step, err), nil
		})
		found, _ = shared.(copied)
	}
	switch {
	case mine:
		return step, err
	case found.plain:
		return found.step, nil
	default:
		return ask()
	}
}

// find returns a copy that is fresh, also by a clock that has been set back.
func (c *copies) find(key copyKey) (copied, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.kept[key]
	return found, ok && c.fresh(found)
}

func (c *copies) fresh(one copied) bool {
	age := c.now().Sub(one.at)
	return age >= 0 && age < copyKept
}

// keep makes a copy of a question. Of other things than first questions nothing is kept, not even that
// they were met.
func (c *copies) keep(key copyKey, flow flowclient.Flow, step flowclient.Step, err error) copied {
	asked, ok := step.Challenge.(flowclient.Identification)
	if err != nil || !ok || step.Flow != flow || step.Lost {
		return copied{}
	}
	made := copied{plain: plain(asked), at: c.now()}
	if made.plain {
		made.step = step
		made.step.Cookies = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room()
	c.kept[key] = made
	return made
}

// room makes room for one more copy: what is old goes first, then any.
func (c *copies) room() {
	if len(c.kept) < copyBound {
		return
	}
	c.clear()
	for key := range c.kept {
		if len(c.kept) < copyBound {
			return
		}
		delete(c.kept, key)
	}
}

// sweep forgets what is too old to be drawn.
func (c *copies) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

func (c *copies) clear() {
	maps.DeleteFunc(c.kept, func(_ copyKey, one copied) bool { return !c.fresh(one) })
}

// plainMembers are the members of an identification challenge that are the same for everybody, or
// looked at below. A member that a later release adds may hold a value for one visitor.
var plainMembers = []string{
	"allow_show_password", "application_pre", "application_pre_launch", "captcha_stage", "component", "enable_remember_me",
	"enroll_url", "flow_designation", "flow_info", "passkey_challenge", "password_fields", "passwordless_url",
	"pending_user", "pending_user_avatar", "pending_user_identifier", "primary_action", "recovery_url", "response_errors",
	"show_source_labels", "sources", "user_fields",
}

// plain reports whether a first question holds nothing that is for one visitor or for one
// time.
func plain(c flowclient.Identification) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(c.Raw, &members) != nil || len(c.Raw) > copyBytes {
		return false
	}
	for name := range members {
		if !slices.Contains(plainMembers, name) {
			return false
		}
	}
	return c.Errors == nil && c.PendingUser == "" && c.PendingUserIdentifier == "" &&
		len(c.PasskeyChallenge) == 0 && c.CaptchaStage == nil && !slices.ContainsFunc(c.Sources, bound)
}

// bound reports whether a source's button belongs to one visitor's session. That of Apple
// holds a state. A redirect to authentik's own view of a source holds nothing, since state is made when that
// is visited, and Plex is known by an identifier that is the same for all; where one of those is
// chosen the visit begins first. Of everything else nothing is known.
func bound(s flowclient.Source) bool {
	switch c := s.Challenge.(type) {
	case flowclient.SourcePlex:
		return false
	case flowclient.Redirect:
		return c.Class() != flowclient.RedirectSource || c.Path != pathOnly(c.Path)
	default:
		return true
	}
}

// pathOnly is an address less its query and fragment.
func pathOnly(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		return address[:i]
	}
	return address
}
