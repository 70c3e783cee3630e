package authentiktest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// recoveryLink makes a link with which a user can set a new password, for an
// administrator to pass on. It works once.
func (v *visit) recoveryLink() *response {
	if refusal := v.administering(); refusal != nil {
		return refusal
	}
	pk, err := strconv.Atoi(v.args["pk"])
	u := v.srv.current(User{PK: pk})
	if err != nil || u.PK == 0 {
		return v.answered(http.StatusNotFound, object{"detail": "No User matches the given query."})
	}
	f, found := v.srv.flow(v.brand.FlowRecovery)
	if !found {
		return v.answered(http.StatusBadRequest, object{elsewhere: "No recovery flow set."})
	}
	p, err := v.planOf(f.Slug, map[string]any{contextPending: u, contextRestored: flowToken{user: u.PK}})
	if err != nil {
		return v.answered(http.StatusBadRequest, object{elsewhere: "Recovery flow not applicable to user"})
	}
	key := v.srv.keepPlan(flowToken{user: u.PK, plan: p, until: v.srv.now().Add(30 * time.Minute)})
	return v.answered(http.StatusOK, object{"link": v.linkTo(f.Slug, key)})
}

// administering begins a view that administrators post to. It returns nil, or
// the response that refuses. Requests with an API key need no CSRF token.
func (v *visit) administering() *response {
	scheme, _, _ := strings.Cut(v.request.Header.Get("Authorization"), " ")
	check := v.admitted
	if strings.EqualFold(scheme, "bearer") {
		check = v.authorized
	}
	switch {
	case check() != nil:
		return v.answered(http.StatusForbidden, object{"detail": "Token invalid/expired"})
	case v.request.Method != http.MethodPost:
		return v.answered(http.StatusMethodNotAllowed, object{"detail": `Method "` + v.request.Method + `" not allowed.`})
	case v.user.PK == 0:
		return v.answered(http.StatusForbidden, object{"detail": "Authentication credentials were not provided."})
	case !v.srv.superuser(v.user):
		return v.answered(http.StatusForbidden, object{"detail": "You do not have permission to perform this action."})
	}
	return nil
}

// answered is an answer of an API view that only accepts POST.
func (v *visit) answered(status int, body any) *response {
	return &response{status: status, json: body, api: true, allow: "POST, OPTIONS"}
}
