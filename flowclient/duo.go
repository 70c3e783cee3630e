package flowclient

import (
	"context"
	"net/http"
	"regexp"
)

// DuoStatus is the state of the set-up of a Duo device.
type DuoStatus string

// The states of a set-up.
const (
	// DuoSuccess means that the device is set up at Duo. Send AuthenticatorDuoAnswer.
	DuoSuccess DuoStatus = "success"
	// DuoWaiting means that the visitor has not used the activation code yet.
	DuoWaiting DuoStatus = "waiting"
	// DuoInvalid means that the activation code has expired. Restart the flow.
	DuoInvalid DuoStatus = "invalid"
)

// uuids matches the keys of stages.
var uuids = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// DuoEnrolment returns the state of the set-up that the challenge has begun.
// authentik asks Duo for it. It may be called every few seconds. If the session
// has no such set-up, the error is ErrNotEnrolling; call Ask for the current
// question.
func (c *Client) DuoEnrolment(ctx context.Context, v Visitor, d AuthenticatorDuo) (DuoStatus, error) {
	if !uuids.MatchString(d.StageUUID) {
		return "", ErrNotEnrolling
	}
	q := request{
		endpoint: "stages/authenticator/duo/enrollment_status",
		path:     "/api/v3/stages/authenticator/duo/" + d.StageUUID + "/enrollment_status/",
		body:     []byte{},
		limit:    maxAnswer,
	}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return "", err
	}
	return decodeDuo(q, r, c.root(v))
}

func decodeDuo(q request, r reply, root string) (DuoStatus, error) {
	switch {
	case r.sessionEnded(root):
		return "", ErrNotEnrolling
	case !r.fromAuthentik():
		return "", unexpected(q, r, nil)
	case r.status == http.StatusBadRequest, r.status == http.StatusNotFound:
		return "", ErrNotEnrolling
	case r.status != http.StatusOK:
		return "", unexpected(q, r, nil)
	}
	o, err := readObject(r.body)
	if err != nil {
		return "", unexpected(q, r, errNotJSON)
	}
	switch s := DuoStatus(o.text("duo_response")); s {
	case DuoSuccess, DuoWaiting, DuoInvalid:
		return s, nil
	default:
		return "", unexpected(q, r, errNoStatus)
	}
}
