package authentiktest

import (
	"encoding/base64"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const defaultAvatar = "/static/dist/assets/images/user_default.png"

// current is a user as stored now, or the zero User.
func (s *Server) current(u User) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[u.PK]
}

// find is the first user for whom match is true, or the zero User.
func (s *Server) find(match func(User) bool) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pk := range slices.Sorted(maps.Keys(s.users)) {
		if u := s.users[pk]; match(u) {
			return u, true
		}
	}
	return User{}, false
}

// superuser reports whether a user is a superuser, directly or by a group.
func (s *Server) superuser(u User) bool {
	return u.Superuser || slices.ContainsFunc(s.memberships(u), func(name string) bool { return s.group(name).Superuser })
}

// authenticate finds the active user of that name, if the password is the
// user's or one of the app passwords.
func (s *Server) authenticate(username, password string) (User, bool) {
	u, found := s.find(func(u User) bool { return u.Username == username })
	return u, found && !u.Inactive && (u.Password != "" && u.Password == password || slices.Contains(u.AppPasswords, password))
}

// setting is a value of the user's attribute settings.
func (u User) setting(name string) (string, bool) {
	settings, _ := u.Attributes["settings"].(object)
	value, ok := settings[name].(string)
	return value, ok
}

// shown is the name and the picture of the user that a challenge is for. If the
// stage hides the matched user, it is what the visitor has typed.
func (v *visit) shown() (name, avatar string) {
	u := v.user
	if v.plan != nil {
		if p, ok := v.plan.context[contextPending].(User); ok {
			u = p
		}
		if typed, ok := v.plan.context[contextIdentifier].(string); ok {
			u = User{Username: typed}
		}
	}
	return u.Username, v.srv.avatar(u)
}

// title is the flow's title with its placeholders filled in. A stray percent
// sign leaves all of them as they are, and so does a flow that was never begun.
func (v *visit) title() string {
	raw := or(v.flow.Title, v.flow.Slug)
	app, user := "", "AnonymousUser"
	if v.plan == nil {
		return raw
	}
	if name, _ := v.shown(); name != "" {
		user = name
	}
	if a, ok := v.plan.context[contextApp].(Application); ok {
		app = a.Name
	}
	filled := strings.NewReplacer("%(app)s", app, "%(user)s", user).Replace(raw)
	if strings.ContainsRune(strings.NewReplacer("%(app)s", "", "%(user)s", "", "%%", "").Replace(raw), '%') {
		return raw
	}
	return strings.ReplaceAll(filled, "%%", "%")
}

// avatar is a picture of the user's initials.
func (s *Server) avatar(u User) string {
	letters := initials(or(u.Name, u.Username))
	if letters == "" {
		return s.url(defaultAvatar)
	}
	svg := `<svg xmlns="http://www.w3.org/2000/svg" width="64px" height="64px" viewBox="0 0 64 64" version="1.1">` +
		`<rect fill="#6db2ab" cx="32" cy="32" width="64" height="64" r="32"/>` +
		`<text x="50%%" y="50%%" fill="#fff" alignment-baseline="middle" dominant-baseline="middle" ` +
		`text-anchor="middle" font-size="28" dy=".1em">%s</text></svg>`
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, svg, html.EscapeString(letters)))
}

func initials(name string) string {
	words := strings.Fields(name)
	if len(words) > 1 {
		words = []string{words[0], words[len(words)-1]}
	}
	var b strings.Builder
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// self is the user object of users/me.
func (v *visit) self(u User) object {
	groups := []object{}
	for _, name := range v.srv.memberships(u) {
		groups = append(groups, object{"name": name, "pk": v.srv.group(name).PK})
	}
	settings := u.Attributes["settings"]
	if settings == nil {
		settings = object{}
	}
	me := object{
		"pk": u.PK, "username": u.Username, "name": u.Name, "is_active": !u.Inactive,
		"is_superuser": v.srv.superuser(u), "groups": groups, "email": u.Email, "avatar": v.srv.avatar(u),
		"uid": u.UID, "settings": settings, "type": or(u.Type, "internal"),
		"system_permissions": append([]string{}, u.SystemPermissions...),
	}
	if v.srv.dialect.roles {
		me["roles"] = []object{}
	}
	return me
}

func (s *Server) group(name string) Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups[name]
}

// memberships are the groups of a user and their parents, by name.
func (s *Server) memberships(u User) []string {
	names := slices.Clone(u.Groups)
	for i := 0; i < len(names); i++ {
		if above := s.group(names[i]).Parent; above != "" && !slices.Contains(names, above) {
			names = append(names, above)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
