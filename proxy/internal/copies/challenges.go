package copies

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	ttlcache "github.com/flowsidecar/caddy-authentik/proxy/internal/cache"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/page"
)

const (
	// copyLifetime is how long a copy is shown to other visitors. The pictures
	// in it can be fetched for about fifteen minutes. If a flow was edited, a
	// visitor sees the change after the first answer at the latest.
	copyLifetime = 10 * time.Second
	// maxCopies is the maximum number of copies, and maxCopyBytes the maximum
	// size of one. A challenge has a few kilobytes, unless it contains its
	// pictures.
	maxCopies    = 200
	maxCopyBytes = 128 << 10
	// maxMarked is the maximum number of copies that are kept for the answers
	// to them, and maxMarkedBytes their maximum size together.
	maxMarked      = 1000
	maxMarkedBytes = 8 << 20
	// maxCopyName is the maximum size, in bytes, of what a visitor can add to
	// the key of a copy. The same bound applies to the language that is sent to
	// authentik.
	maxCopyName = 256
)

// Challenges caches the first challenges of flows for some seconds. authentik
// shows the same first challenge to every visitor without cookies. With a copy,
// a visitor who only looks at the page, or a program that loads it all day,
// causes no request to authentik and no session there.
type Challenges struct {
	kept *ttlcache.Cache[copyKey, Challenge]
	// marked are the copies from which visits were drawn, for as long as the
	// visits may be answered. A copy that does not change for hours is kept
	// once.
	marked *ttlcache.Cache[string, Challenge]
	life   time.Duration
}

// A copyKey has everything that authentik is told about a visitor without
// cookies, except address and browser. Because of those authentik may deny a
// visitor, and a denial is never cached.
type copyKey struct{ scheme, host, flow, language string }

// A Challenge is a first challenge without the cookies of the visitor who got it. If
// plain is false, the challenge cannot be shown to other visitors.
type Challenge struct {
	Step  flowclient.Step
	plain bool
	// Mark stands for the challenge in the visits that were drawn from this
	// copy.
	Mark string
	// Prints are the pages that were drawn from this copy.
	Prints *page.Prints
}

// Options configure the caches.
type Options struct {
	Now func() time.Time
	// Go runs fetches that several visitors wait for. Nil: each runs in a
	// goroutine of its own.
	Go func(work func(context.Context)) bool
	// VisitLife is how long a challenge may wait for its answer.
	VisitLife time.Duration
}

// NewChallenges returns an empty cache.
func NewChallenges(o Options) *Challenges {
	return &Challenges{
		life: o.VisitLife + copyLifetime,
		kept: ttlcache.New(ttlcache.Options[copyKey, Challenge]{Entries: maxCopies, Now: o.Now, Go: o.Go}),
		marked: ttlcache.New(ttlcache.Options[string, Challenge]{
			Entries: maxMarked, Bytes: maxMarkedBytes, Now: o.Now,
			Weight: func(_ string, c Challenge) int64 { return int64(len(c.Step.Challenge.Common().Raw)) },
		}),
	}
}

// Sweep drops expired copies.
func (c *Challenges) Sweep() {
	c.kept.Sweep()
	c.marked.Sweep()
}

// Marked returns the copy of a mark, if it is still kept.
func (c *Challenges) Marked(mark string) (copied Challenge, found bool) { return c.marked.Get(mark) }

// Of returns the copy that a first challenge was made from. It returns nil if
// the challenge was not made from a copy, or if that copy was kept already.
func (c *Challenges) Of(v flowclient.Visitor, step flowclient.Step) *Challenge {
	found, ok := c.kept.Get(keyOf(v, step.Flow))
	if !ok || !found.plain || len(step.Cookies) > 0 || !sameText(found.Step.Challenge, step.Challenge) {
		return nil
	}
	if _, ok := c.marked.Get(found.Mark); !ok {
		return nil // the visit contains its challenge
	}
	return &found
}

// sameText reports whether two challenges share the same text in memory, and
// are not only equal.
func sameText(a, b flowclient.Challenge) bool {
	one, other := a.Common().Raw, b.Common().Raw
	return len(one) > 0 && len(one) == len(other) && &one[0] == &other[0]
}

// Opening returns the first challenge of a flow, from a copy if possible, and
// otherwise the result of ask. For a visitor with device cookies it always
// calls ask: the answer may depend on the device.
func (c *Challenges) Opening(
	ctx context.Context, v flowclient.Visitor, flow flowclient.Flow, ask func(context.Context) (flowclient.Step, error),
) (flowclient.Step, error) {
	if len(v.Cookies) > 0 || flow.Query != "" || len(v.Host) > maxCopyName || len(v.Language) > maxCopyName {
		return ask(ctx)
	}
	return c.question(ctx, keyOf(v, flow), flow, ask)
}

func keyOf(v flowclient.Visitor, flow flowclient.Flow) copyKey {
	return copyKey{v.Scheme, v.Host, flow.Slug, v.Language}
}

// question returns a copy, or the result of ask. Of many visitors who miss the
// cache at the same time, only one asks authentik. That visitor's visit has
// begun at authentik; the visits of the others have not.
//
// A challenge that is not the same for every visitor goes only to the visitor
// who caused it. This holds above all for a denial, a redirect or an error: a
// visitor whom authentik distrusts must not decide what others see.
func (c *Challenges) question(
	ctx context.Context, key copyKey, flow flowclient.Flow, ask func(context.Context) (flowclient.Step, error),
) (flowclient.Step, error) {
	type answer struct {
		step flowclient.Step
		err  error
	}
	own := make(chan answer, 1) // set if this call has asked authentik
	found, err := c.kept.Do(ctx, key, func(ctx context.Context) (Challenge, time.Duration, error) {
		step, err := ask(ctx)
		own <- answer{step, err}
		made, lifetime := copyOf(flow, step, err)
		if made.plain {
			c.marked.Put(made.Mark, made, c.life)
		}
		return made, lifetime, nil
	})
	select {
	case mine := <-own:
		if closing(ctx, mine.err) {
			return ask(ctx)
		}
		return mine.step, mine.err
	default:
	}
	switch {
	case closing(ctx, err):
		return ask(ctx)
	case err != nil:
		return flowclient.Step{}, err
	case found.plain:
		return found.Step, nil
	default:
		return ask(ctx)
	}
}

// copyOf returns the copy of a challenge and its lifetime. If the challenge is
// not the first one of a flow, the lifetime is zero and nothing is cached.
func copyOf(flow flowclient.Flow, step flowclient.Step, err error) (Challenge, time.Duration) {
	asked, ok := step.Challenge.(flowclient.Identification)
	if err != nil || !ok || step.Flow != flow || step.Lost {
		return Challenge{}, 0
	}
	if !plain(asked) {
		return Challenge{}, copyLifetime
	}
	step.Cookies = nil
	return Challenge{Step: step, plain: true, Mark: MarkOf(step, asked), Prints: new(page.Prints)}, copyLifetime
}

// MarkOf returns a short text that identifies a first challenge. It ignores the
// addresses of pictures, which authentik signs anew each time.
func MarkOf(step flowclient.Step, c flowclient.Identification) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(c.Raw, &members) != nil {
		return ""
	}
	delete(members, "flow_info")
	delete(members, "sources")
	text, err := json.Marshal(members) // sorted by name
	if err != nil {
		return ""
	}
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q %q ", step.Root, step.Flow.Slug)
	_, _ = h.Write(text)
	for _, s := range c.Sources {
		_, _ = fmt.Fprintf(h, "\x00%q %t ", s.Name, s.Promoted)
		_, _ = h.Write(s.Challenge.Common().Raw)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// plainMembers are the members of an identification challenge that are the same
// for all visitors, or that plain checks. A member that a later release adds
// makes a challenge not plain, since its value may be for one visitor.
var plainMembers = []string{
	"allow_show_password", "application_pre", "application_pre_launch", "captcha_stage", "component", "enable_remember_me",
	"enroll_url", "flow_designation", "flow_info", "passkey_challenge", "password_fields", "passwordless_url",
	"pending_user", "pending_user_avatar", "pending_user_identifier", "primary_action", "recovery_url", "response_errors",
	"show_source_labels", "sources", "user_fields",
}

// plain reports whether no value in a first challenge is for one visitor only
// or can be used only once.
func plain(c flowclient.Identification) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(c.Raw, &members) != nil || len(c.Raw) > maxCopyBytes {
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

// bound reports whether a source's button belongs to one visitor's session.
// Apple's button does, since it contains a state. A redirect to authentik's
// view of a source does not: that view creates the state. Plex's identifier is
// the same for all visitors. A visit begins at authentik before the visitor
// follows one of these. Unknown kinds count as bound.
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

// pathOnly is an address without its query and fragment.
func pathOnly(address string) string {
	if i := strings.IndexAny(address, "?#"); i >= 0 {
		return address[:i]
	}
	return address
}
