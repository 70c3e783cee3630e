package authentiktest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"
)

const grantDevice = "urn:ietf:params:oauth:grant-type:device_code"

func deviceGrantRoutes() []route {
	return []route{
		{"/application/o/device/", (*visit).deviceAuthorization},
		{"/device", (*visit).devicePage},
	}
}

// deviceAuthorization gives a device a code to poll with and a code for its
// user to enter (RFC 8628).
func (v *visit) deviceAuthorization() *response {
	form, refusal := v.posted()
	if refusal != nil {
		return refusal
	}
	p, _, _, found := v.caller(form)
	if !found || v.srv.dialect.deviceSecret && !v.srv.grantsBy(p, grantDevice) {
		return v.fails("invalid_client")
	}
	code, entry := deviceCode(), must(rand.Int(rand.Reader, big.NewInt(1e9))).Int64()
	user := fmt.Sprintf("%09d", entry)
	v.srv.grants.keepDevice(code, user, grant{
		client: p.ClientID, scopes: p.granted(strings.Fields(form.Get("scope"))), until: v.srv.now().Add(p.CodeValidity),
	})
	page := v.address(v.srv.url("/device"))
	return unstored(http.StatusOK, object{
		"device_code": code, "user_code": user, "verification_uri": page, "verification_uri_complete": page + "?code=" + user,
		"expires_in": int(p.CodeValidity.Seconds()), "interval": 5,
	})
}

// deviceCode uses every printable character of ASCII, which not every client
// expects.
func deviceCode() string {
	b := make([]byte, 128)
	for i := range b {
		b[i] = byte('!' + must(rand.Int(rand.Reader, big.NewInt('~'-'!'+1))).Int64())
	}
	return string(b)
}

// keepDevice stores a device under both its codes.
func (s *grants) keepDevice(device, user string, g grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.devices[device], s.entered[user] = g, device
}

// device finds a device by its code.
func (s *grants) device(code string) (grant, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.devices[code]
	return g, found
}

// allow gives the device with a user code to a user.
func (s *grants) allow(code string, user int, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.devices[s.entered[code]]
	if found {
		g.user, g.login = user, login{at: at}
		s.devices[s.entered[code]] = g
	}
}

// spendDevice removes a device. It fails if another request was faster.
func (s *grants) spendDevice(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.devices[code]
	delete(s.devices, code)
	return found
}

// redeemDevice answers a device that asks whether its user has agreed.
func (v *visit) redeemDevice(p Provider, app Application, code string) *response {
	g, found := v.srv.grants.device(code)
	switch {
	case !found || g.client != p.ClientID:
		return v.fails("invalid_grant")
	case !v.srv.now().Before(g.until) && !v.srv.dialect.lateDevices:
		return v.fails("invalid_grant")
	case g.user == 0 || !v.srv.now().Before(g.until):
		return v.fails("authorization_pending")
	case !v.srv.grants.spendDevice(code):
		return v.fails("invalid_grant")
	}
	g.login.at = v.srv.now()
	return v.withRefresh(p, app, g, v.tokens(p, app, g))
}

// devicePage is where users enter the code that their device shows.
func (v *visit) devicePage() *response {
	if v.user.PK == 0 {
		return v.moved(v.srv.url("/flows/-/default/authentication/?next=" + quote(fullPath(v.request.URL))))
	}
	if v.brand.FlowDeviceCode == "" {
		return &response{status: http.StatusNotFound}
	}
	if code := v.query("code"); code != "" {
		if to, err := v.enterDevice(code); err == nil {
			return v.moved(to)
		}
	}
	if res := v.start(v.brand.FlowDeviceCode, map[string]any{}, &deviceEntry{}); res != nil {
		return res
	}
	return v.moved(v.flowLocation())
}

var errNoSuchCode = errors.New("no device shows this code")

// enterDevice starts the authorization of the device that shows a code. It
// returns the page to go to.
func (v *visit) enterDevice(code string) (string, error) {
	v.srv.grants.mu.Lock()
	g, found := v.srv.grants.devices[v.srv.grants.entered[code]]
	v.srv.grants.mu.Unlock()
	p, app, known := v.srv.client(g.client)
	if !found || !known || !v.srv.now().Before(g.until) || v.mayUse(app, "") != nil {
		return "", errNoSuchCode
	}
	context := v.consentContext(p, app, g.scopes)
	if res := v.start(p.AuthorizationFlow, context, &deviceFinish{code}); res != nil {
		return "", errNoSuchCode
	}
	return v.flowLocation(), nil
}

// A deviceEntry asks for the code that a device shows.
type deviceEntry struct{}

func (s *deviceEntry) get(v *visit) (*response, error) {
	return v.ask(v.challenge("ak-provider-oauth2-device-code"))
}

func (s *deviceEntry) post(v *visit) (*response, error) {
	f, err := v.fields()
	if err != nil {
		return nil, err
	}
	code, _ := f.text("code", rule{})
	if f.failed() {
		return v.refuse(v.challenge("ak-provider-oauth2-device-code"), f.errs)
	}
	to, err := v.enterDevice(code)
	if errors.Is(err, errNoSuchCode) {
		return v.staged(v.denied()), nil
	}
	return &response{status: http.StatusOK, json: v.redirection(to, false)}, err
}

// A deviceFinish tells the user to go on at the device. The flow ends here.
type deviceFinish struct{ code string }

func (s *deviceFinish) get(v *visit) (*response, error) {
	v.srv.grants.allow(s.code, v.user.PK, v.srv.now())
	return v.ask(v.challenge("ak-provider-oauth2-device-code-finish"))
}

func (s *deviceFinish) post(*visit) (*response, error) { return nil, errRaised }
