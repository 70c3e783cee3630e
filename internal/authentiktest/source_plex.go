package authentiktest

import "net/http"

// sourcePlex accepts the token that a script has got from Plex, and asks Plex
// who it is for.
func (v *visit) sourcePlex() *response {
	res := v.redeemPlex()
	if res.allow == "" {
		res.allow = "POST, OPTIONS"
	}
	return res
}

func (v *visit) redeemPlex() *response {
	if refusal := v.forged(); refusal != nil {
		return refusal
	}
	s, found := v.srv.source(v.query("slug"))
	if !found || s.Kind != SourcePlex {
		return v.action(http.StatusNotFound, object{"detail": "No PlexSource matches the given query."})
	}
	token := v.plexToken()
	switch {
	case token == "" && v.srv.dialect.plexPlain:
		return v.action(http.StatusBadRequest, []string{"No plex token given"})
	case token == "":
		return v.action(http.StatusBadRequest, object{"plex_token": []string{"This field is required."}})
	case s.Redeem == nil:
		return v.notFound()
	}
	p, allowed := s.Redeem(token)
	if !allowed {
		return v.action(http.StatusForbidden, object{"detail": "Access denied."})
	}
	return v.staged(v.arrive(s, p))
}

func (v *visit) plexToken() string {
	body, err := v.body()
	if err != nil {
		return ""
	}
	o, _ := body.(object)
	token, _ := o["plex_token"].(string)
	return token
}

// staged makes a challenge of an answer for a browser.
func (v *visit) staged(res *response) *response {
	if res.page != nil {
		return &response{status: http.StatusOK, json: object{"component": "xak-flow-shell", "body": string(res.body())}}
	}
	return v.converted(res)
}
