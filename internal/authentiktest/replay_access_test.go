package authentiktest

import (
	"fmt"
	"slices"
)

// adminView is why exchanges of administrators are left out.
const adminView = "an administrator's own interface; what it does is done here by a method of Server"

// by does something instead of an exchange with the API of
// administrators.
func (r *replay) by(exchange string, do func()) {
	r.before(exchange, do)
	r.skip(exchange, adminView)
}

// numbered gives users the primary keys that they had in the recordings, by
// release, the oldest first.
func (r *replay) numbered(u User, pk ...int) User {
	u.PK = pk[slices.Index(Releases(), r.release)]
	return u
}

// alice is the user of most recordings of OpenID Connect, with the groups that
// she was in before the recorder of 2026.8 came to later scenarios.
func (r *replay) alice(groups ...string) User {
	if r.release == Release202608 {
		groups = []string{"oi-staff"}
	}
	return member("oi-alice", groups...)
}

// permissions are those that an exchange shows of its user, in the order of the
// recorded database.
func (r *replay) permissions(i int) (all []string) {
	list, _ := r.said(i, "user", "system_permissions").([]any)
	for _, p := range list {
		all = append(all, fmt.Sprint(p))
	}
	return all
}

func (r *replay) leaves(username, group string) {
	r.EditUser(username, func(u *User) {
		u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return g == group })
	})
}

func accessApplication(r *replay) Config {
	r.signedIn(1, "oi-alice")
	r.signedIn(2, "oi-bob")
	r.before("after the sign-in as oi-bob (left out): denied", func() { r.signedIn(3, "oi-bob") })
	const list = "the list of applications belongs to authentik's own user interface"
	for _, note := range []string{
		"application list as oi-alice", "application list as oi-bob", "only_with_launch_url",
		"the application itself as an ordinary user", "application list, nobody signed in",
	} {
		r.skip(note, list)
	}
	r.by("oi-alice leaves the group", func() { r.leaves("oi-alice", "oi-staff") })
	r.by("oi-alice is back", func() {
		r.EditUser("oi-alice", func(u *User) { u.Groups = append(u.Groups, "oi-staff") })
	})
	staff := Policy{Group: "oi-staff"}
	expression := Policy{Func: func(q *PolicyRequest) (bool, []string, error) {
		if slices.Contains(q.User.Groups, "oi-staff") {
			return true, nil, nil
		}
		return false, []string{"Only on Sundays, <b>sorry</b>."}, nil
	}}
	bound := func(app Application, p ...Policy) Application { app.Policies = p; return app }
	admin := User{Username: "oi-provisioning", Superuser: true}
	return Config{
		Users: []User{
			r.numbered(r.alice("oi-machines", "oi-staff"), 6, 7, 49), r.numbered(member("oi-bob"), 46, 45, 101), admin,
		},
		Tokens: map[string]string{"oi-provisioning-key": admin.Username},
		Applications: []Application{
			bound(relying("oi-acc-group"), staff), bound(relying("oi-acc-expr"), expression),
			bound(Application{Slug: "oi-acc-bare"}, staff),
			{Slug: "oi-acc-open"},
		},
	}
}

func impersonation(r *replay) Config {
	r.signedIn(1, "oi-root")
	r.signedIn(2, "oi-bob")
	if r.release == Release202605 {
		r.skip("check_access as oi-root", "what a superuser gets as log_messages is the log of the whole server")
	}
	root := r.numbered(member("oi-root", "oi-roots"), 99, 102, 353)
	root.SystemPermissions = r.permissions(7)
	app := relying("oi-acc-group")
	app.Policies = []Policy{{Group: "oi-staff"}}
	return Config{
		Users: []User{
			root, r.numbered(r.alice("oi-machines", "oi-staff"), 6, 7, 49), member("oi-bob"),
		},
		Groups: []Group{{Name: "oi-roots", Superuser: true}}, Applications: []Application{app},
	}
}

func identityOddValues(r *replay) Config {
	r.signedIn(1, "oi-odd")
	for i := range 4 {
		r.skip(exchangeNo(i), adminView)
	}
	odd := member("oi-odd", "oi- <b>html</b> &amp;", "oi-\"quotes\" and 'apostrophes'", "oi-child", "oi-comma, group",
		"oi-größe-группа-組", "oi-line\nbreak", "oi-pipe|group", "oi-semicolon;x=y", "oi-tab\tgroup")
	odd.Name, odd.Email = "Zoë \"Zed\" O'Brien\nsecond line | ; , 李 😀", ""
	one, two := member("oi-dup1"), member("oi-dup2")
	one.Email, two.Email = "oi-dup@example.com", "oi-dup@example.com"
	alice := r.alice("app-oi-crm-users", "oi-machines", "oi-staff")
	if r.release == Release202510 {
		alice.Groups = alice.Groups[1:]
	}
	return Config{
		Users:        []User{odd, one, two, alice, {Username: "OI-ALICE", Name: "x"}},
		Groups:       []Group{{Name: "oi-child", Parent: "oi-parent"}},
		Applications: []Application{relying("oi-code")},
	}
}
