package setup

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	admin "github.com/flowsidecar/caddy-authentik/internal/authentikadmin"
	"github.com/flowsidecar/caddy-authentik/internal/plain"
)

// A Plan has the steps to do, in this order. A plan without steps means that
// authentik has everything that is wanted.
type Plan struct {
	Steps []Step
	// Notes are further remarks for the operator.
	Notes []string
	// ClientID and Scopes are for the Caddyfile.
	ClientID string
	Scopes   []string
	// LogoutBack says that the sign-out page is registered as an address to
	// return to.
	LogoutBack bool
}

// adds returns the kinds of objects that the plan creates.
func (p Plan) adds() (kinds []admin.Kind) {
	for _, step := range p.Steps {
		switch step.(type) {
		case addProvider:
			kinds = append(kinds, admin.KindProvider)
		case addApplication:
			kinds = append(kinds, admin.KindApplication)
		case addBinding:
			kinds = append(kinds, admin.KindBinding)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// A target is an object that is to be changed.
type target struct {
	kind admin.Kind
	name string
}

// changes returns the objects that the plan changes and that exist already.
func (p Plan) changes(s State) (all []target) {
	for _, step := range p.Steps {
		switch step := step.(type) {
		case changeProvider:
			all = append(all, target{admin.KindProvider, strconv.Itoa(step.pk)})
		case changeApplication:
			all = append(all, target{admin.KindApplication, step.slug})
		case finishApplication:
			if s.Draft != nil {
				all = append(all, target{admin.KindApplication, step.draft})
			}
		case mendBinding:
			all = append(all, target{admin.KindBinding, step.pk})
		}
	}
	return slices.Compact(all)
}

// finishes reports whether the plan changes an application that it creates
// itself.
func (p Plan) finishes(s State) bool {
	return s.Draft == nil && slices.ContainsFunc(p.Steps, func(step Step) bool { _, finish := step.(finishApplication); return finish })
}

func (p *Plan) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// Make compares what is wanted with what exists. It returns an error, and no
// plan, if setup did not make an object that has its name, or if an object is
// missing that setup does not make.
func Make(w Wanted, s State) (p Plan, err error) {
	if err := errors.Join(foreign(w, s), s.missing(w)); err != nil {
		return Plan{}, err
	}
	switch {
	case !s.Known:
		p.note("authentik does not say which release it is (%q), so it may be newer than %s, the newest that this was tried with; look at what was made before you rely on it", s.Version, admin.Newest)
	case s.Release.Compare(admin.Newest) > 0:
		p.note("authentik %s is newer than %s, the newest that this was tried with; look at what was made before you rely on it", s.Version, admin.Newest)
	}
	newProvider := w.OpenID && s.Named == nil
	if w.OpenID {
		if err := p.provider(w, s); err != nil {
			return Plan{}, err
		}
	}
	switch {
	case s.App != nil:
		p.changeApplication(w, s, *s.App, newProvider)
		p.bind(w, s)
		if s.Draft != nil {
			p.Steps = append(p.Steps, removeApplication{s.Draft.Slug})
		}
	case s.Draft != nil:
		p.changeApplication(w, s, *s.Draft, newProvider)
		p.bind(w, s)
		p.Steps = append(p.Steps, finishApplication{s.Draft.Slug, w.Slug})
	default:
		p.newApplication(w, s)
	}
	if !w.OpenID && s.Named != nil {
		p.Steps = append(p.Steps, removeProvider{s.Named.PK, s.Named.Name})
	}
	if w.Everyone && len(s.Bindings) == 0 {
		p.note("every user who can sign in to authentik may pass; to limit that, use --group")
	}
	return p, nil
}

// foreign returns an error for each object with a wanted name that setup did
// not make.
func foreign(w Wanted, s State) error {
	var errs []error
	for _, app := range []*admin.Application{s.App, s.Draft} {
		switch {
		case app == nil:
		case app.Publisher != publisher:
			errs = append(errs, fmt.Errorf("authentik has an application %q (%s) that setup did not make; choose another slug with --application, "+
				"or configure that one by hand: the Caddyfile needs only \"application %[1]s\"", plain.Line(app.Slug), plain.Line(app.Name)))
		case app.LaunchURL != w.Site+"/" && !w.Move:
			errs = append(errs, fmt.Errorf("setup has made the application %q for another site, %s; choose another slug with --application, "+
				"or add --move to take it over for %s", plain.Line(app.Slug), plain.Line(app.LaunchURL), w.Site))
		case w.OpenID && app.ProviderObject != nil && app.ProviderObject.Name != w.providerName():
			errs = append(errs, fmt.Errorf("the application %q has a provider %q that setup did not make; take it away from the application in authentik first",
				plain.Line(app.Slug), plain.Line(app.ProviderObject.Name)))
		}
	}
	if p := s.Named; p != nil && !slices.Contains([]string{"", w.Slug, w.draft()}, p.ApplicationSlug) {
		errs = append(errs, fmt.Errorf("the provider %q belongs to the application %q; choose another slug with --application", plain.Line(p.Name), plain.Line(p.ApplicationSlug)))
	}
	if p := s.Client; p != nil && p.Name != w.providerName() {
		errs = append(errs, fmt.Errorf("the provider %q has the client ID %q already, and setup did not make it; choose another slug with --application", plain.Line(p.Name), p.ClientID))
	}
	return errors.Join(errs...)
}

// missing returns an error for everything that setup needs and does not make.
func (s State) missing(w Wanted) error {
	var errs []error
	for _, group := range w.Groups {
		if s.GroupKeys[group] == "" {
			errs = append(errs, fmt.Errorf("authentik has no group %q, or the token may not see it; create it in authentik (Directory > Groups), or correct --group", group))
		}
	}
	if !w.OpenID {
		return errors.Join(errs...)
	}
	for slug, key := range map[string]string{authorizationFlow: s.AuthorizationFlow, invalidationFlow: s.InvalidationFlow} {
		if key == "" {
			errs = append(errs, fmt.Errorf("authentik has no flow %q, which every new authentik has; import its default blueprints, or leave --openid out", slug))
		}
	}
	for _, managed := range neededScopes {
		if s.scope(managed) == "" {
			errs = append(errs, fmt.Errorf("authentik has no scope mapping %q, which every new authentik has; import its default blueprints, or leave --openid out", managed))
		}
	}
	if s.Key == "" {
		errs = append(errs, fmt.Errorf("authentik has no certificate %q with a private key; name another one with --signing-key", w.Key))
	}
	return errors.Join(errs...)
}

// scope returns the primary key of a scope mapping, or "".
func (s State) scope(managed string) string {
	for _, scope := range s.Scopes {
		if scope.Managed == managed {
			return scope.PK
		}
	}
	return ""
}

// newApplication plans an application that does not exist. If it is to have
// bindings, it is first created under another slug, so that it is never open to
// every user.
func (p *Plan) newApplication(w Wanted, s State) {
	slug := w.Slug
	if len(w.Groups) > 0 {
		slug = w.draft()
	}
	step := addApplication{slug: w.Slug, name: w.Name, withProvider: w.OpenID, fields: applicationFields(w)}
	step.fields["name"], step.fields["slug"] = w.Name, slug
	p.Steps = append(p.Steps, step)
	for _, group := range w.Groups {
		p.Steps = append(p.Steps, addBinding{group, s.GroupKeys[group]})
	}
	if slug != w.Slug {
		p.Steps = append(p.Steps, finishApplication{slug, w.Slug})
	}
}

// applicationFields are the fields of an application that setup keeps as
// wanted. Its name can be changed at authentik.
func applicationFields(w Wanted) admin.Fields {
	return admin.Fields{"meta_publisher": publisher, "meta_launch_url": w.Site + "/", "policy_engine_mode": "any"}
}

// changeApplication plans the changes of an application that setup has made.
func (p *Plan) changeApplication(w Wanted, s State, app admin.Application, newProvider bool) {
	step := changeApplication{slug: app.Slug, was: admin.Fields{}, now: admin.Fields{}}
	is := admin.Fields{"meta_publisher": app.Publisher, "meta_launch_url": app.LaunchURL, "policy_engine_mode": app.PolicyMode}
	for field, value := range applicationFields(w) {
		if is[field] != value {
			step.was[field], step.now[field] = is[field], value
		}
	}
	switch {
	case newProvider:
		step.withProvider = true
	case w.OpenID && (app.Provider == nil || *app.Provider != s.Named.PK):
		step.now["provider"] = s.Named.PK
	case !w.OpenID && app.Provider != nil && s.Named != nil && *app.Provider == s.Named.PK:
		step.was["provider"], step.now["provider"] = s.Named.Name, nil
	}
	if len(step.now) > 0 || step.withProvider {
		p.Steps = append(p.Steps, step)
	}
}

// bind plans the bindings of an existing application: first those that are
// added, then those that are removed.
func (p *Plan) bind(w Wanted, s State) {
	kept := map[string]bool{}
	var gone []Step
	for _, b := range slices.SortedFunc(slices.Values(s.Bindings), func(a, b admin.Binding) int { return cmp.Compare(a.PK, b.PK) }) {
		group := w.group(b, s)
		switch {
		case b.Order != bindingOrder || b.Group == nil:
			p.note("the binding of %s was made by hand and stays: it counts beside those of setup", b.Whom())
		case group == "":
			gone = append(gone, removeBinding{b.PK, b.Whom(), "it is not asked for any more"})
		case kept[group]:
			gone = append(gone, removeBinding{b.PK, b.Whom(), "it is there twice"})
		default:
			kept[group] = true
			if !b.Enabled || b.Negate {
				p.Steps = append(p.Steps, mendBinding{b.PK, b.Whom()})
			}
		}
	}
	for _, group := range w.Groups {
		if !kept[group] {
			p.Steps = append(p.Steps, addBinding{group, s.GroupKeys[group]})
		}
	}
	p.Steps = append(p.Steps, gone...)
}

// group returns the name of the wanted group of a binding, or "".
func (w Wanted) group(b admin.Binding, s State) string {
	for _, name := range w.Groups {
		if b.Group != nil && s.GroupKeys[name] == *b.Group {
			return name
		}
	}
	return ""
}

// MakeRemoval plans to delete all that setup has made for a slug.
func MakeRemoval(w Wanted, s State) (p Plan, err error) {
	w.Move, w.OpenID = true, false // the site does not matter
	if err := foreign(w, s); err != nil {
		return Plan{}, err
	}
	for _, b := range s.Bindings {
		if b.Order != bindingOrder || b.Group == nil {
			return Plan{}, fmt.Errorf("the application %q has a binding of %s that setup did not make, and deleting the application would delete it; "+
				"remove it in authentik first", w.Slug, b.Whom())
		}
	}
	for _, app := range []*admin.Application{s.App, s.Draft} {
		switch {
		case app == nil:
		case app.ProviderObject != nil && app.ProviderObject.Name != w.providerName():
			return Plan{}, fmt.Errorf("the application %q has a provider %q that setup did not make; take it away from the application in authentik first",
				plain.Line(app.Slug), plain.Line(app.ProviderObject.Name))
		default:
			p.Steps = append(p.Steps, removeApplication{app.Slug})
		}
	}
	if s.Named != nil {
		// The provider goes last: only while it exists, the file is known to be
		// setup's.
		if s.Secret != "" && s.Secret == s.Named.ClientSecret {
			p.Steps = append(p.Steps, removeSecret{w.SecretFile})
		}
		p.Steps = append(p.Steps, removeProvider{s.Named.PK, s.Named.Name})
	}
	if s.Secret != "" && (s.Named == nil || s.Secret != s.Named.ClientSecret) {
		p.note("%s stays: no provider that setup has made has the secret in it", w.SecretFile)
	}
	return p, nil
}

// same reports whether a field has the wanted value. The order in lists of keys
// does not matter.
func same(field string, is, want any) bool {
	a, listed := is.([]any)
	b, wanted := want.([]any)
	if !listed || !wanted {
		return reflect.DeepEqual(is, want)
	}
	if len(a) != len(b) {
		return false
	}
	texts := func(all []any) []string {
		var texts []string
		for _, one := range all {
			texts = append(texts, fmt.Sprint(one))
		}
		slices.Sort(texts)
		return texts
	}
	return field != "" && strings.Join(texts(a), "\n") == strings.Join(texts(b), "\n")
}
