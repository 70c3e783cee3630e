package authentiktest

import (
	"net/http"
	"strconv"
)

func impersonationRoutes() []route {
	return []route{
		{"/api/v3/core/users/impersonate_end/", (*visit).impersonateEnd},
		{"/api/v3/core/users/{pk}/impersonate/", (*visit).impersonate},
	}
}

// impersonate makes the session of a superuser one of another user. The cookie
// of this answer still names the superuser.
func (v *visit) impersonate() *response {
	res := v.api(http.StatusForbidden, object{"detail": "You do not have permission to perform this action."})
	res.allow = "POST, OPTIONS"
	if err := v.admitted(); err != nil || v.request.Method != http.MethodPost || !v.srv.superuser(v.user) {
		return res
	}
	pk, err := strconv.Atoi(v.args["pk"])
	u := v.srv.current(User{PK: pk})
	if err != nil || u.PK == 0 {
		return v.notFound()
	}
	v.session.data[dataOriginal] = v.user.PK
	v.session.user, v.session.modified = u.PK, true
	return &response{status: http.StatusNoContent, allow: res.allow}
}

// impersonateEnd gives the session back to the superuser.
func (v *visit) impersonateEnd() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	if pk, ok := v.session.data[dataOriginal].(int); ok {
		delete(v.session.data, dataOriginal)
		v.session.user, v.session.modified = pk, true
	}
	return &response{status: http.StatusNoContent, allow: "GET, HEAD, OPTIONS"}
}

// original is the superuser who impersonates the user of this session.
func (v *visit) original() (User, bool) {
	pk, ok := v.session.data[dataOriginal].(int)
	return v.srv.current(User{PK: pk}), ok
}

// subject is the user that an access check is about: the visitor, unless a
// superuser asks about another user. It returns nil, or the response that
// refuses.
func (v *visit) subject() (User, *response) {
	wanted := v.query("for_user")
	if wanted == "" || !v.srv.superuser(v.user) {
		return v.user, nil
	}
	pk, err := strconv.Atoi(wanted)
	if err != nil {
		return User{}, v.api(http.StatusBadRequest, object{"for_user": "for_user must be numerical"})
	}
	u := v.srv.current(User{PK: pk})
	if u.PK == 0 {
		return User{}, v.api(http.StatusBadRequest, object{"for_user": "User not found"})
	}
	return u, nil
}
