package setup

import (
	"context"
	"errors"
	"fmt"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
)

// rounds is the maximum number of plans that are made and carried out. More
// than one is needed if another administrator changes the same objects at the
// same time.
const rounds = 10

// unkept is how often in a row the same plan must be left over after it was
// carried out before setup concludes that authentik does not keep the changes.
// Other administrators can undo it a few times.
const unkept = 3

// A Maker makes a plan from the state of authentik.
type Maker func(Wanted, State) (Plan, error)

// Prepare reads the state of authentik, makes a plan, and checks that the token
// may make the changes in the plan. It changes nothing.
func Prepare(ctx context.Context, c *admin.Client, w Wanted, plan Maker) (State, Plan, error) {
	s, err := Read(ctx, c, w)
	if err != nil {
		return s, Plan{}, err
	}
	p, err := plan(w, s)
	if err != nil {
		return s, Plan{}, err
	}
	var lacking []error
	for _, kind := range p.adds() {
		lacking = append(lacking, c.MayAdd(ctx, kind))
	}
	for _, t := range p.changes(s) {
		lacking = append(lacking, c.MayChange(ctx, t.kind, t.name))
	}
	if p.finishes(s) {
		p.doubtFinish(ctx, c)
	}
	return s, p, errors.Join(lacking...)
}

// doubtFinish notes that the last step may fail, if the token may not change
// another application. It is only a note: a role can allow its users to change
// what they have created.
func (p *Plan) doubtFinish(ctx context.Context, c *admin.Client) {
	slug, found, err := c.AnyApplication(ctx)
	if err != nil || !found {
		return // the step itself reports the missing right
	}
	var refused *admin.RefusedError
	if errors.As(c.MayChange(ctx, admin.KindApplication, slug), &refused) && refused.Right != "" {
		p.note("the token's user seems to lack the right %q, which the last step needs; give it to a role of that user", refused.Right)
	}
}

// Carry carries out a plan, and then further plans until nothing is left to do.
// It calls done with each step that was done.
func Carry(ctx context.Context, c *admin.Client, w Wanted, plan Maker, done func(Step)) (Plan, error) {
	var last error
	var before string
	carried := 0  // steps that were done
	repeated := 0 // plans in a row that were carried out, and are to be carried out again
	for range rounds {
		s, p, err := Prepare(ctx, c, w, plan)
		if err != nil && carried > 0 {
			return p, unfinished(w, err)
		}
		if err != nil {
			return p, err
		}
		if len(p.Steps) == 0 {
			return p, nil
		}
		text := described(p)
		if last == nil && text == before {
			repeated++
		} else {
			repeated = 0
		}
		if repeated == unkept {
			return p, fmt.Errorf("authentik does not keep what was changed (%s); this release may be one that setup does not know", firstLine(text))
		}
		before = text
		last = carry(ctx, c, s, p, func(step Step) { carried++; done(step) })
		if last != nil && !changed(last) {
			return p, unfinished(w, last)
		}
	}
	return Plan{}, fmt.Errorf("another administrator changes the same objects at the same time (%w); run the command again", errors.Join(last))
}

// errUnfinished is part of the error of a run that fails after it has changed
// something.
var errUnfinished = errors.New("what was done before stays, and what was under way may have been done too")

// unfinished says what remains after an error, and how to continue.
func unfinished(w Wanted, err error) error {
	how := "run the command again to go on from here, or run it with --remove to delete what was made"
	if w.Removing {
		how = "run the command again to go on from here"
	}
	return fmt.Errorf("%w\n%w; %s", err, errUnfinished, how)
}

func described(p Plan) (text string) {
	for _, step := range p.Steps {
		text += step.Describe() + "\n"
	}
	return text
}

// carry carries out the steps of one plan.
func carry(ctx context.Context, c *admin.Client, s State, p Plan, done func(Step)) error {
	m := &made{client: c}
	if s.Named != nil {
		m.provider = s.Named.PK
	}
	for _, app := range []*admin.Application{s.Draft, s.App} {
		if app != nil {
			m.application = app.PK
		}
	}
	for _, step := range p.Steps {
		if err := step.do(ctx, m); err != nil {
			return fmt.Errorf("could not %s: %w", firstLine(step.Describe()), err)
		}
		done(step)
	}
	return nil
}

// changed reports whether a step failed because authentik has changed since the
// plan was made. A new plan then starts from the present state.
func changed(err error) bool {
	var refused *admin.RefusedError
	return errors.As(err, &refused) && (refused.Taken() || refused.NotFound())
}
