package flowclient

import (
	"context"
	"net/http"
	"regexp"
)

// DuoStatus is how far the set-up of a visitor's Duo device is.
type DuoStatus string

// The states of a set-up.
const (
	// DuoSuccess says that Duo knows the device: AuthenticatorDuoAnswer is due.
	DuoSuccess DuoStatus = "success"
	// DuoWaiting says that the visitor has not used the code yet.
	DuoWaiting DuoStatus = "waiting"
	// DuoInvalid says that the code is of no use any more: the flow has to begin
	// again.
	DuoInvalid DuoStatus = "invalid"
)

// uuids is how authentik writes the keys of stages.
var uuids = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// DuoEnrolment asks authentik to ask Duo how far the set-up is that the challenge
// began. It may be asked every few seconds. ErrNotEnrolling says that no such
// set-up runs in this session; Ask tells what does.
func (c *Client) DuoEnrolment(ctx context.Context, v Visitor, d AuthenticatorDuo) (DuoStatus, error) {
	if !uuids.MatchString(d.StageUUID) {
		return "", ErrNotEnrolling
	}
	q := request{
		endpoint: "stages/authenticator/duo/enrollment_status",
		path:     "/api/v3/stages/authenticator/duo/" + d.StageUUID + "/enrollment_status/",
		body:     []byte{},
	}
	r, err := c.exchange(ctx, v, q)
	if err != nil {
		return "", err
	}
	return decodeDuo(q, r, c.root(v))
}

func decodeDuo(q request, r reply, root string) (DuoStatus, error) {
	switch {
	case r.ended(root):
		return "", ErrNotEnrolling
	case !r.own():
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
