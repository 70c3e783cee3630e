package signin

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
	// copyLifetime is how long a first challenge is served again. Pictures in it are
	// good for about fifteen minutes, and an edited flow shows at the latest with
	// the first answer.
	copyLifetime = 10 * time.Second
	// maxCopies is how many are kept, and maxCopyBytes how large one may be: it has
	// a few kilobytes unless its pictures are part of it.
	maxCopies    = 200
	maxCopyBytes = 128 << 10
	// maxMarked is how many copies are kept for the answers to them, and
	// maxMarkedBytes how large they may be together.
	maxMarked      = 1000
	maxMarkedBytes = 8 << 20
	// maxCopyName bounds, in bytes, what a visitor can add to the key of a copy.
	// The same bound applies to the language that is sent to authentik.
	maxCopyName = 256
)

// copies caches the first challenges of flows for some seconds. authentik shows
// every visitor without cookies the same first challenge. With a copy it is not
// asked each time, and it stores no session for visitors who only look at the
// page, or for machines that load it all day.
type copies struct {
	kept *ttlcache.Cache[copyKey, copied]
	// marked are the copies that visits were drawn from, for as long as they may be
	// answered. One that has not changed for hours is kept once.
	marked *ttlcache.Cache[string, copied]
}

// A copyKey has everything that is sent to authentik about a visitor without its
// cookies, except address and browser. Those may decide whether a visitor is
// denied, and a denial is never cached.
type copyKey struct{ scheme, host, flow, language string }

// A copied is a first challenge without the cookies of the visitor who got it. If
// plain is false, the challenge cannot be shown to other visitors.
type copied struct {
	step  flowclient.Step
	plain bool
	// mark stands for the challenge in the visits that were drawn from the copy.
	mark string
	// prints are the pages that were drawn from it.
	prints *page.Prints
}

func newCopies(now func() time.Time) *copies {
	return &copies{
		kept: ttlcache.New(ttlcache.Options[copyKey, copied]{Entries: maxCopies, Now: now}),
		marked: ttlcache.New(ttlcache.Options[string, copied]{
			Entries: maxMarked, Bytes: maxMarkedBytes, Now: now,
			Weight: func(_ string, c copied) int64 { return int64(len(c.step.Challenge.Common().Raw)) },
		}),
	}
}

func (c *copies) sweep() {
	c.kept.Sweep()
	c.marked.Sweep()
}

// of returns the copy that a first challenge is from, or nil if it is none or was
// kept before.
func (c *copies) of(v flowclient.Visitor, step flowclient.Step) *copied {
	found, ok := c.kept.Get(keyOf(v, step.Flow))
	if !ok || !found.plain || len(step.Cookies) > 0 || !sameText(found.step.Challenge, step.Challenge) {
		return nil
	}
	if _, ok := c.marked.Get(found.mark); !ok {
		return nil // the visit holds its challenge itself
	}
	return &found
}

// sameText reports whether two challenges are one, and not only alike.
func sameText(a, b flowclient.Challenge) bool {
	one, other := a.Common().Raw, b.Common().Raw
	return len(one) > 0 && len(one) == len(other) && &one[0] == &other[0]
}

// Opening returns the first challenge of a flow. For a visitor with device cookies
// authentik is always asked: its answer may depend on the device.
func (h *Handler) Opening(ctx context.Context, v flowclient.Visitor, flow flowclient.Flow) (flowclient.Step, error) {
	ask := func(ctx context.Context) (flowclient.Step, error) { return h.Client.Ask(ctx, v, flow) }
	key := keyOf(v, flow)
	if len(v.Cookies) > 0 || flow.Query != "" || len(v.Host) > maxCopyName || len(v.Language) > maxCopyName {
		return ask(ctx)
	}
	return h.copies.question(ctx, key, flow, ask)
}

func keyOf(v flowclient.Visitor, flow flowclient.Flow) copyKey {
	return copyKey{v.Scheme, v.Host, flow.Slug, v.Language}
}

// question returns a copy, or what ask fetches. Of many visitors who miss the
// cache at once, only one asks authentik; that visit has begun, those of the
// others have not. A challenge that is not the same for every visitor, and above
// all a denial, a redirect or an error, goes only to the visitor who caused it:
// a visitor whom authentik distrusts must not decide what others see.
func (c *copies) question(
	ctx context.Context, key copyKey, flow flowclient.Flow, ask func(context.Context) (flowclient.Step, error),
) (flowclient.Step, error) {
	type answer struct {
		step flowclient.Step
		err  error
	}
	own := make(chan answer, 1) // filled if this call has asked authentik
	found, err := c.kept.Do(ctx, key, func(ctx context.Context) (copied, time.Duration, error) {
		step, err := ask(ctx)
		own <- answer{step, err}
		made, lifetime := copyOf(flow, step, err)
		if made.plain {
			c.marked.Put(made.mark, made, VisitLife+copyLifetime)
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
		return found.step, nil
	default:
		return ask(ctx)
	}
}

// copyOf returns the copy of a challenge and its lifetime. If the result is not a
// first challenge, the lifetime is zero and nothing is cached.
func copyOf(flow flowclient.Flow, step flowclient.Step, err error) (copied, time.Duration) {
	asked, ok := step.Challenge.(flowclient.Identification)
	if err != nil || !ok || step.Flow != flow || step.Lost {
		return copied{}, 0
	}
	if !plain(asked) {
		return copied{}, copyLifetime
	}
	step.Cookies = nil
	return copied{step: step, plain: true, mark: markOf(step, asked), prints: new(page.Prints)}, copyLifetime
}

// markOf returns a short text that stands for a first challenge: for all of it but
// the addresses of pictures, which authentik signs anew each time.
func markOf(step flowclient.Step, c flowclient.Identification) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(c.Raw, &members) != nil {
		return ""
	}
	delete(members, "flow_info")
	delete(members, "sources")
	text, err := json.Marshal(members) // in the order of their names
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
// for all visitors, or checked by plain. A member that a later release adds may
// have a value for one visitor, so it makes a challenge not plain.
var plainMembers = []string{
	"allow_show_password", "application_pre", "application_pre_launch", "captcha_stage", "component", "enable_remember_me",
	"enroll_url", "flow_designation", "flow_info", "passkey_challenge", "password_fields", "passwordless_url",
	"pending_user", "pending_user_avatar", "pending_user_identifier", "primary_action", "recovery_url", "response_errors",
	"show_source_labels", "sources", "user_fields",
}

// plain reports whether a first challenge has no value that is for one visitor or
// can be used only once.
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

// bound reports whether a source's button belongs to one visitor's session. That
// of Apple has a state. A redirect to authentik's own view of a source has none,
// since the view creates it, and Plex's identifier is the same for all visitors; a
// visit begins before one of these is followed. Unknown kinds count as bound.
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
