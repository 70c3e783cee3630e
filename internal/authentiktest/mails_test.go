package authentiktest

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// links has the flow tokens of a recording stand for those that were mailed
// here: the first token for that of the first of these mails, and so on.
func (r *replay) links(mails ...int) {
	met := map[string]bool{}
	for i, e := range r.recording.Exchanges {
		token := flowTokenOf(e.Request.Path)
		if token == "" || met[token] || len(met) == len(mails) {
			continue
		}
		nth, which := len(met), mails[len(met)]
		met[token] = true
		r.before(fmt.Sprintf("#%d", i), func() {
			if sent := len(r.Mail()); sent <= which {
				r.t.Fatalf("got %d mails, want %d", sent, which+1)
			}
			live := r.Mail()[which]
			r.live.learn("flow_token", token, flowTokenOf(live.Link))
			r.mailed(nth, live)
		})
	}
}

// mailed compares a mail with the recorded one. Of some, only the recipient
// was recorded.
func (r *replay) mailed(nth int, live Mail) {
	was := r.recording.Mails[nth]
	if live.To != was.To {
		r.t.Errorf("mail %d: want recipient %s, got %s", nth, was.To, live.To)
	}
	if was.Subject != "" && live.Subject != was.Subject {
		r.t.Errorf("mail %d: want subject %q, got %q", nth, was.Subject, live.Subject)
	}
	if was.Text != "" && !strings.Contains(r.live.within(was.Text), live.Link) {
		r.t.Errorf("mail %d: want text like %q, got the link %s", nth, was.Text, live.Link)
	}
}

// flowTokenOf is the flow token in an address, in its query or in the query
// within the query that the executor gets.
func flowTokenOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if token := u.Query().Get("flow_token"); token != "" {
		return token
	}
	inner, _ := url.ParseQuery(u.Query().Get("query"))
	return inner.Get("flow_token")
}

// account is the form of a new account.
func account(policies ...Policy) *PromptStage {
	return &PromptStage{Policies: policies, Fields: []Field{
		{Key: "username", Label: "User name", Type: FieldUsername},
		{Key: "name", Label: "Name", Order: 1},
		{Key: "email", Label: "E-mail", Type: FieldEmail, Order: 2},
		{Key: "password", Label: "Password", Type: FieldPassword, Order: 3},
		{Key: "password_repeat", Label: "Password (repeat)", Type: FieldPassword, Order: 4},
	}}
}

func enrolmentEmail(r *replay) Config {
	r.links(0)
	f := called("Sign up", flowOf(
		"st-enrol", account(strict()...), &UserWriteStage{Creation: CreateAlways},
		&EmailStage{Subject: "Please confirm", Activate: true}, &UserLoginStage{},
	))
	f.Designation = DesignationEnrollment
	return Config{Users: people("st-taken"), Flows: []Flow{f}}
}

func invitation(r *replay) Config {
	flow := func(slug string, stage *InvitationStage) Flow {
		f := called("Invitation", flowOf(slug, stage, account(), &UserWriteStage{Active: true}, &UserLoginStage{}))
		f.Designation = DesignationEnrollment
		return f
	}
	invited := func(note string, i Invitation) Invitation {
		for _, e := range r.recording.Exchanges {
			if e.Note == note {
				_, i.Token, _ = strings.Cut(e.Request.Path, "token%3D")
			}
		}
		i.Data = object{"email": "invited@example.com", "name": "Invited Guest"}
		return i
	}
	return Config{
		Flows: []Flow{flow("st-invite", &InvitationStage{}), flow("st-invite-open", &InvitationStage{Continue: true})},
		Invitations: []Invitation{
			invited("invitation for another flow", Invitation{Flow: "st-invite-open"}),
			invited("expired invitation", Invitation{Expires: time.Unix(1, 0)}),
			invited("the key `token` works as well", Invitation{Flow: "st-invite"}),
			invited("valid single-use token: fixed data are the initial values", Invitation{SingleUse: true}),
		},
	}
}

// recovering is the recorded recovery flow and those around it. The mails went
// to an address of that day.
func recovering(r *replay) Config {
	recovery := called("Reset your password", flowOf(
		"st-recover", ask(), &EmailStage{MaxAttempts: 2}, newPassword(), &UserWriteStage{Creation: CreateNever}, &UserLoginStage{},
	))
	recovery.Designation = DesignationRecovery
	login := titled(oneStep("st-login-recovery"))
	asked := askBoth()
	asked.RecoveryFlow = "st-recover"
	login.Bindings[0].Stage = asked
	users := people("st-recover", "st-other")
	if len(r.recording.Mails) > 0 {
		users[0].Email = r.recording.Mails[0].To
	}
	return Config{Users: users, Flows: []Flow{recovery, login, stLogin()}}
}

func recoverySameBrowser(r *replay) Config {
	r.links(0)
	r.before("logged in", func() {
		if sent := len(r.Mail()); sent != 3 {
			r.t.Errorf("got %d mails, want 3", sent)
		}
	})
	return recovering(r)
}

func recoveryOtherBrowser(r *replay) Config {
	r.links(0)
	return recovering(r)
}

func recoveryOtherUser(r *replay) Config {
	r.links(0, 2)
	return recovering(r)
}

func recoveryUnknownUser(r *replay) Config {
	r.before("a made-up token: ignored, flow starts at the first stage", func() {
		if sent := len(r.Mail()); sent != 0 {
			r.t.Errorf("got %d mails to unknown users, want 0", sent)
		}
	})
	return recovering(r)
}

func recoveryAdminLink(r *replay) Config {
	r.change("administrator asks for a link", func(q *recordedRequest) {
		u, _ := r.User("st-recover")
		q.Path = fmt.Sprintf("/api/v3/core/users/%d/recovery/", u.PK)
	})
	cfg := recovering(r)
	cfg.Users = append(cfg.Users, User{Username: "akadmin", Superuser: true})
	cfg.Tokens = map[string]string{"bootstrap-token-for-local-runs": "akadmin"}
	cfg.Brands = []Brand{{Domain: "st-brand.example.com", Locale: "de", FlowRecovery: "st-recover"}}
	return cfg
}
