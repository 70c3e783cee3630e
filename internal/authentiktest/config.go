package authentiktest

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Release is the release of authentik that the server behaves like.
type Release string

// The releases of which there are recordings.
const (
	Release202510 Release = "2025.10"
	Release202605 Release = "2026.5"
	Release202608 Release = "2026.8"
)

// Releases returns all releases that have a dialect, the oldest first.
func Releases() []Release {
	return []Release{Release202510, Release202605, Release202608}
}

// Config is everything that the administrator has set up. It is read once;
// later changes are made by the methods of [Server].
type Config struct {
	// Release chooses the dialect. Default: the newest.
	Release Release

	// Flows are found by their slug. The flows that every new authentik has
	// (default-authentication-flow, default-invalidation-flow) are added unless
	// there are flows with these slugs.
	Flows []Flow

	Users        []User
	Groups       []Group
	Applications []Application

	// Providers belong to no application, so that no visitor may use them.
	Providers []Provider

	// Sources are the other identity providers. Identification stages list the
	// ones that they offer.
	Sources []Source

	// Brands are chosen by the Host of a request. The default brand of a new
	// authentik is added unless one of these is marked Default.
	Brands []Brand

	// Invitations are the invitations that invitation stages accept.
	Invitations []Invitation

	// Tokens maps API keys to usernames.
	Tokens map[string]string

	// Duo is the service behind Duo devices.
	Duo Duo

	// SigningKey signs the tokens of providers whose Algorithm is RS256.
	// Default: a key of 2048 bits, made at the first use.
	SigningKey *rsa.PrivateKey

	// LogoutClient sends the logout tokens of the back channel. Default:
	// [http.DefaultClient].
	LogoutClient *http.Client

	// LogoutRetry is how long a failed logout token waits for the next attempt.
	// Default: half a minute, as recorded.
	LogoutRetry time.Duration

	// Path is authentik's web.path, below which every address and every cookie
	// is. Default: "/".
	Path string

	// Now is the server's clock. Default: time.Now.
	Now func() time.Time
}

// A Flow is a list of stages with a slug.
type Flow struct {
	Slug, Title    string
	Designation    Designation    // default: authentication
	Authentication Authentication // who may run it; default: anyone
	DeniedAction   DeniedAction   // default: message_continue
	Layout         string         // default: stacked
	Background     string         // default: authentik's own picture
	Policies       []Policy
	PolicyMode     PolicyMode
	Bindings       []Binding

	pk string
}

// A Designation is what a flow is for.
type Designation string

// The designations of authentik.
const (
	DesignationAuthentication     Designation = "authentication"
	DesignationAuthorization      Designation = "authorization"
	DesignationInvalidation       Designation = "invalidation"
	DesignationEnrollment         Designation = "enrollment"
	DesignationUnenrollment       Designation = "unenrollment"
	DesignationRecovery           Designation = "recovery"
	DesignationStageConfiguration Designation = "stage_configuration"
)

// An Authentication is a requirement on who may run a flow.
type Authentication string

// The requirements of authentik. The zero value means none.
const (
	RequireNone            Authentication = "none"
	RequireAuthenticated   Authentication = "require_authenticated"
	RequireUnauthenticated Authentication = "require_unauthenticated"
	RequireSuperuser       Authentication = "require_superuser"
	RequireRedirect        Authentication = "require_redirect"
	RequireOutpost         Authentication = "require_outpost"
	RequireToken           Authentication = "require_token" // since 2026.8
)

// A DeniedAction is what happens to a visitor whom a flow refuses.
type DeniedAction string

// The actions of authentik.
const (
	DeniedMessage         DeniedAction = "message"
	DeniedMessageContinue DeniedAction = "message_continue"
	DeniedContinue        DeniedAction = "continue"
)

// A Binding is one stage's place in a flow.
type Binding struct {
	Stage           Stage
	Policies        []Policy
	PolicyMode      PolicyMode
	InvalidResponse InvalidResponse // default: retry

	// EvaluateOnPlan evaluates the policies when the plan is made. They are
	// evaluated again when the stage's turn comes, unless SkipReevaluation is
	// set.
	EvaluateOnPlan, SkipReevaluation bool
}

// An InvalidResponse is what happens after a refused answer.
type InvalidResponse string

// The actions of authentik. The zero value means retry.
const (
	Retry              InvalidResponse = "retry"
	Restart            InvalidResponse = "restart"
	RestartWithContext InvalidResponse = "restart_with_context"
)

// A PolicyMode is how the results of several policies become one. The zero
// value means any, which is authentik's default.
type PolicyMode string

// The modes of authentik.
const (
	PolicyAny PolicyMode = "any"
	PolicyAll PolicyMode = "all"
)

// A Policy passes or refuses: it passes the members of Group, the user of that
// name, the addresses and users of a Reputation, or what Func passes. Exactly
// one of the four is set.
type Policy struct {
	Group, User string
	Reputation  *Reputation

	// Func is an expression policy. Its messages are shown to the visitor where
	// authentik shows them. An error counts as a refusal with the text of the
	// error as message, as an exception does.
	Func func(*PolicyRequest) (passing bool, messages []string, err error)

	Negate bool
}

// A PolicyRequest is what a policy sees.
type PolicyRequest struct {
	User    User // zero for an anonymous visitor
	Pending User // the user that the flow is about, as stored now
	HTTP    *http.Request
	Context map[string]any // of the plan; empty outside a flow
}

// A User is an account. PK and UID are given by the server unless set.
type User struct {
	PK                    int
	UID                   string
	Username, Name, Email string
	Password              string // empty: no password is right
	AppPasswords          []string
	Groups                []string
	Inactive, Superuser   bool
	Type                  string // default: internal
	Path                  string
	Attributes            map[string]any
	Devices               []Device
	SystemPermissions     []string
}

// A Group is a named set of users. Groups that users name need not be listed.
type Group struct {
	Name      string
	PK        string
	Parent    string // the group that contains this group
	Superuser bool
}

// An Application is what users are given access to.
type Application struct {
	Slug, Name string
	LaunchURL  string
	Provider   *Provider     // nil: the application is only a link
	SAML       *SAMLProvider // instead of Provider
	Policies   []Policy
	PolicyMode PolicyMode
}

// A Brand is authentik's appearance at a host.
type Brand struct {
	Domain  string
	Default bool
	Title   string
	Logo    string
	Favicon string
	CSS     string
	Theme   string // automatic, light or dark
	Locale  string

	FooterLinks []FooterLink

	// Slugs of flows; empty ones are left out of the answer.
	FlowAuthentication, FlowInvalidation, FlowRecovery, FlowUnenrollment string
	FlowUserSettings, FlowDeviceCode                                     string

	DefaultApplication string
}

// A FooterLink is a link in the footer of authentik's pages.
type FooterLink struct {
	Name string `json:"name"`
	Href string `json:"href"`
}

var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

func (cfg Config) check() error {
	var errs []error
	d, known := dialectOf(cfg.Release)
	if !known {
		errs = append(errs, fmt.Errorf("authentiktest: there is no dialect for release %q", cfg.Release))
	}
	if !strings.HasPrefix(cfg.Path, "/") || !strings.HasSuffix(cfg.Path, "/") {
		errs = append(errs, fmt.Errorf("authentiktest: path %q does not begin and end with a slash", cfg.Path))
	}
	errs = append(errs, unique("flow", cfg.Flows, func(f Flow) string { return f.Slug })...)
	errs = append(errs, unique("user", cfg.Users, func(u User) string { return u.Username })...)
	errs = append(errs, unique("application", cfg.Applications, func(a Application) string { return a.Slug })...)
	for _, f := range cfg.Flows {
		errs = append(errs, f.check(d)...)
	}
	for _, a := range cfg.Applications {
		if a.Provider != nil {
			errs = append(errs, a.Provider.check()...)
		}
	}
	for _, p := range cfg.Providers {
		errs = append(errs, p.check()...)
	}
	return errors.Join(errs...)
}

func (p Provider) check() (errs []error) {
	if _, known := newKeys[p.complete().Algorithm]; !known {
		errs = append(errs, fmt.Errorf("authentiktest: provider %q: no keys sign with %q", p.ClientID, p.Algorithm))
	}
	for _, kind := range p.GrantTypes {
		if kind != "hybrid" && !slices.Contains(grantTypes, kind) {
			errs = append(errs, fmt.Errorf("authentiktest: provider %q: %q is no grant type", p.ClientID, kind))
		}
	}
	return errs
}

func (f Flow) check(d dialect) (errs []error) {
	if !slug.MatchString(f.Slug) {
		errs = append(errs, fmt.Errorf("authentiktest: flow %q: not a slug", f.Slug))
	}
	if f.Authentication == RequireToken && !d.tokenFlows {
		errs = append(errs, fmt.Errorf("authentiktest: flow %q: %s has no requirement %q", f.Slug, d.family, f.Authentication))
	}
	for i, b := range f.Bindings {
		if b.Stage == nil {
			errs = append(errs, fmt.Errorf("authentiktest: flow %q: binding %d has no stage", f.Slug, i))
		}
		if prompts, ok := b.Stage.(*PromptStage); ok {
			errs = append(errs, prompts.check(f.Slug, d)...)
		}
	}
	return errs
}

// unique reports names that are empty or occur twice: of two flows with one
// slug the first would silently win.
func unique[T any](kind string, all []T, name func(T) string) (errs []error) {
	seen := map[string]bool{}
	for _, one := range all {
		n := name(one)
		if n == "" || seen[n] {
			errs = append(errs, fmt.Errorf("authentiktest: %s %q: empty or twice", kind, n))
		}
		seen[n] = true
	}
	return errs
}
