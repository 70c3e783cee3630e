package authentiktest

import (
	"errors"
	"net/http"
)

// A Duo is the service behind Duo devices. Without its functions it cannot be
// reached.
type Duo struct {
	// Push asks the user to approve. It may block until the user has answered.
	Push func(User) (allowed bool, err error)

	// Enrolment returns the status of a user's enrolment: success, waiting or
	// invalid.
	Enrolment func(User) (string, error)
}

var errDuo = errors.New("duo cannot be reached")

func (d Duo) push(u User) (bool, error) {
	if d.Push == nil {
		return false, errDuo
	}
	return d.Push(u)
}

func (d Duo) enrolment(u User) (string, error) {
	if d.Enrolment == nil {
		return "", errDuo
	}
	return d.Enrolment(u)
}

// An AuthenticatorDuoStage sets up Duo: the visitor activates it in Duo's app,
// and answers when Duo knows the device.
type AuthenticatorDuoStage struct{ Name string }

func (s *AuthenticatorDuoStage) about() setup {
	return setupOf(s.Name, "Duo", "Duo Authenticator", "duo")
}

func (s *AuthenticatorDuoStage) get(v *visit) (*response, error) {
	if v.person().PK == 0 {
		return v.solved()
	}
	if _, err := v.srv.duo.enrolment(v.person()); err != nil {
		return nil, err
	}
	v.keepDraft(Device{Class: DeviceDuo, Name: "Duo Authenticator"})
	c := v.userChallenge("ak-stage-authenticator-duo")
	c["activation_barcode"] = "https://api-duo.example.com/frame/qr?value=duo%3A%2F%2Factivation"
	c["activation_code"] = "duo://activation"
	c["stage_uuid"] = v.srv.keyOf(s)
	return v.ask(c)
}

func (s *AuthenticatorDuoStage) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	d, begun := v.draft(DeviceDuo)
	if !begun || f.failed() {
		return s.get(v)
	}
	status, err := v.srv.duo.enrolment(v.person())
	if err != nil {
		return nil, err
	}
	if status != "success" {
		return v.deny("Invalid enrollment status: " + status + ".")
	}
	v.dropDraft(DeviceDuo)
	v.enroll(d)
	return v.solved()
}

func duoRoutes() []route {
	return []route{{"/api/v3/stages/authenticator/duo/{pk}/enrollment_status/", (*visit).duoEnrolment}}
}

// duoEnrolment tells the page the status of the enrolment in its session.
func (v *visit) duoEnrolment() *response {
	if v.request.Method != http.MethodPost {
		return v.api(http.StatusMethodNotAllowed, object{"detail": `Method "` + v.request.Method + `" not allowed.`})
	}
	if v.srv.dialect.duoGuarded {
		if refusal := v.forged(); refusal != nil {
			return refusal
		}
	}
	v.plan = v.session.plan
	if v.plan == nil || len(v.plan.steps) == 0 {
		return v.api(http.StatusBadRequest, object{})
	}
	s, ok := v.plan.steps[0].binding.Stage.(*AuthenticatorDuoStage)
	if _, begun := v.draft(DeviceDuo); !ok || !begun {
		return v.api(http.StatusBadRequest, object{})
	}
	if v.srv.keyOf(s) != v.args["pk"] {
		return v.api(http.StatusNotFound, object{"detail": "No AuthenticatorDuoStage matches the given query."})
	}
	status, err := v.srv.duo.enrolment(v.person())
	if err != nil {
		return v.broken()
	}
	return v.api(http.StatusOK, object{"duo_response": status})
}
