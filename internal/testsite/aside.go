package testsite

import "github.com/flowsidecar/caddy-authentik/internal/authentiktest"

// WithAsides is an authentik whose users can ask for a new password and create an
// account, both with a link in a mail, and whom an invitation lets in. The slugs are
// recovery, enrolment and join.
func WithAsides() authentiktest.Config {
	flow := func(slug string, designation authentiktest.Designation, stages ...authentiktest.Stage) authentiktest.Flow {
		return authentiktest.Flow{Slug: slug, Title: slug, Designation: designation, Bindings: Bindings(stages...)}
	}
	asks := func(name string, kinds ...authentiktest.FieldType) authentiktest.Stage {
		s := &authentiktest.PromptStage{Name: name}
		for i, kind := range kinds {
			s.Fields = append(s.Fields, authentiktest.Field{Key: string(kind), Label: string(kind), Type: kind, Order: i})
		}
		return s
	}
	account := []authentiktest.FieldType{authentiktest.FieldUsername, authentiktest.FieldEmail, authentiktest.FieldPassword}
	return authentiktest.Config{Flows: []authentiktest.Flow{
		flow(LoginFlow, authentiktest.DesignationAuthentication,
			&authentiktest.IdentificationStage{UserFields: []string{"username"}, RecoveryFlow: "recovery", EnrollmentFlow: "enrolment"},
			&authentiktest.PasswordStage{}, &authentiktest.UserLoginStage{}),
		flow("recovery", authentiktest.DesignationRecovery,
			&authentiktest.IdentificationStage{UserFields: []string{"username"}}, &authentiktest.EmailStage{Name: "recovery"},
			asks("recovery", authentiktest.FieldPassword),
			&authentiktest.UserWriteStage{Name: "recovery", Creation: authentiktest.CreateNever}, &authentiktest.UserLoginStage{}),
		flow("enrolment", authentiktest.DesignationEnrollment, asks("enrolment", account...),
			&authentiktest.UserWriteStage{Name: "enrolment", Creation: authentiktest.CreateAlways},
			&authentiktest.EmailStage{Name: "enrolment", Activate: true}, &authentiktest.UserLoginStage{}),
		flow("join", authentiktest.DesignationEnrollment, &authentiktest.InvitationStage{}, asks("join", account...),
			&authentiktest.UserWriteStage{Name: "join", Creation: authentiktest.CreateAlways, Active: true}, &authentiktest.UserLoginStage{}),
	}}
}

// LastLink is the link in the last mail.
func (s *Site) LastLink() string {
	s.Helper()
	mails := s.StandIn.Mail()
	if len(mails) == 0 {
		s.Fatal("got no mail, want one with a link")
	}
	return mails[len(mails)-1].Link
}
