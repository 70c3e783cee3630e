package authentiktest

import (
	"maps"
	"strings"
)

// A UserWriteStage writes the answers to prompts to the pending user, or to a
// new one.
type UserWriteStage struct {
	Name     string       // tells one such stage from another
	Creation UserCreation // default: create_when_required
	Active   bool         // new users are active: create_users_as_inactive is off
	Type     string       // of new users; default: external
	Group    string       // create_users_group: every user that is written joins it
}

// A UserCreation is when a stage makes a new user.
type UserCreation string

// The modes of authentik.
const (
	CreateNever        UserCreation = "never_create"
	CreateWhenRequired UserCreation = "create_when_required"
	CreateAlways       UserCreation = "always_create"
)

func (s *UserWriteStage) post(v *visit) (*response, error) { return s.get(v) }

func (s *UserWriteStage) get(v *visit) (*response, error) {
	data, found := v.plan.context[contextPrompted].(object)
	if !found {
		return v.deny(v.text("No Pending data."))
	}
	u, found := s.writes(v)
	if !found {
		return v.deny(v.text("No user found and can't create new user."))
	}
	before := u.PK
	s.fill(&u, data)
	if u.Username == "" {
		return v.deny("")
	}
	if other, found := v.srv.User(u.Username); found && other.PK != u.PK {
		return v.deny(v.text("Failed to update user. Please try again later."))
	}
	v.plan.context[contextPending] = v.srv.AddUser(u)
	if before == v.user.PK && hasPassword(data) {
		v.session.cycle(v.srv) // also for an anonymous visitor
	}
	return v.solved()
}

// writes is the user to write to, as stored now.
func (s *UserWriteStage) writes(v *visit) (User, bool) {
	u, known := v.plan.context[contextPending].(User)
	if !known && v.user.PK != 0 {
		u, known = v.user, true
	}
	if known && s.Creation != CreateAlways {
		if now := v.srv.current(u); now.PK != 0 {
			u = now
		}
		return u.clone(), true
	}
	return User{Inactive: !s.Active, Type: or(s.Type, "external")}, s.Creation != CreateNever
}

// fill writes the values that a user has a field for. The others are dropped
// silently.
func (s *UserWriteStage) fill(u *User, data object) {
	texts := map[string]*string{
		"username": &u.Username, "name": &u.Name, "email": &u.Email, "password": &u.Password, "path": &u.Path,
	}
	attributes := maps.Clone(u.Attributes)
	if attributes == nil {
		attributes = object{}
	}
	for key, value := range data {
		text, isText := value.(string)
		place := texts[key]
		rest, isAttribute := strings.CutPrefix(strings.ReplaceAll(key, "_", "."), "attributes.")
		switch whole, isWhole := value.(object); {
		case key == "attributes" && isWhole:
			maps.Copy(attributes, whole)
		case isAttribute:
			set(attributes, strings.Split(rest, "."), value)
		case place != nil && isText:
			*place = text
		}
	}
	u.Attributes = attributes
	if s.Group != "" {
		u.Groups = append(u.Groups, s.Group)
	}
}

func hasPassword(data object) bool {
	for key := range data {
		if strings.Contains(key, "password") {
			return true
		}
	}
	return false
}

// A UserDeleteStage deletes the pending user, or the signed-in one, without
// asking: put a consent stage before it.
type UserDeleteStage struct {
	Name string // tells one such stage from another
}

func (s *UserDeleteStage) post(v *visit) (*response, error) { return s.get(v) }

func (s *UserDeleteStage) get(v *visit) (*response, error) {
	u := v.srv.current(pending(v.plan.context))
	if u.PK == 0 {
		u = v.user
	}
	if u.PK == 0 {
		return v.deny(v.text("No Pending User."))
	}
	v.srv.DeleteUser(u.Username)
	delete(v.plan.context, contextPending)
	v.signOut()
	return v.solved()
}
