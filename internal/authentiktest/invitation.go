package authentiktest

import (
	"maps"
	"strings"
	"time"
)

// Keys of a plan's context that an invitation sets, with authentik's names.
const (
	contextInvitation = "invitation"           // Invitation
	contextInvited    = "invitation_in_effect" // bool
)

// An Invitation lets a visitor through an invitation stage. Its link has the
// token as itoken in the query of the flow's page.
type Invitation struct {
	Token     string         // a UUID; given by the server unless set
	Flow      string         // the slug of the only flow it is for; default: any
	Expires   time.Time      // default: never
	SingleUse bool           // it is deleted as soon as a stage has seen it
	Data      map[string]any // fixed_data: the initial values of prompts
}

// AddInvitation stores an invitation and returns it with its token.
func (s *Server) AddInvitation(i Invitation) Invitation {
	s.mu.Lock()
	defer s.mu.Unlock()
	i.Token = or(i.Token, uuid())
	s.invites[bare(i.Token)] = i
	return i
}

// bare is a UUID in its shortest form.
func bare(token string) string {
	return strings.ToLower(strings.ReplaceAll(token, "-", ""))
}

// An InvitationStage asks for an invitation.
type InvitationStage struct {
	Name     string // tells one such stage from another
	Continue bool   // continue_flow_without_invitation
}

func (s *InvitationStage) post(v *visit) (*response, error) { return s.get(v) }

func (s *InvitationStage) get(v *visit) (*response, error) {
	i, found := v.invitation()
	if !found && s.Continue {
		return v.solved()
	}
	if !found {
		return v.deny(v.text("Invalid invite/invite not found"))
	}
	v.plan.context[contextInvitation], v.plan.context[contextInvited] = i, true
	known, _ := v.plan.context[contextPrompted].(object)
	known = maps.Clone(known)
	if known == nil {
		known = object{}
	}
	maps.Copy(known, i.Data)
	v.plan.context[contextPrompted] = known
	return v.solved()
}

// invitation finds the visitor's invitation, by the query of the page or a
// field named token.
func (v *visit) invitation() (Invitation, bool) {
	token, found := v.session.params.last("itoken")
	if !found {
		token, found = v.session.params.last("token")
	}
	if !found {
		token = v.prompted("token")
	}
	return v.srv.invite(token, v.flow.Slug)
}

// invite finds an invitation. That uses up a single-use one.
func (s *Server) invite(token, flow string) (Invitation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.invites[bare(token)]
	expired := !i.Expires.IsZero() && !s.now().Before(i.Expires) && s.dialect.invitationsEnd
	if !found || expired || i.Flow != "" && i.Flow != flow {
		return Invitation{}, false
	}
	if i.SingleUse {
		delete(s.invites, bare(token))
	}
	return i, true
}
