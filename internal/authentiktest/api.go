package authentiktest

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func apiRoutes() []route {
	return []route{
		{"/api/v3/core/users/me/", (*visit).me},
		{"/api/v3/core/users/{pk}/recovery/", (*visit).recoveryLink},
		{"/api/v3/core/applications/{slug}/check_access/", (*visit).checkAccess},
		{"/api/v3/core/brands/current/", (*visit).currentBrand},
		{"/api/v3/root/config/", (*visit).rootConfig},
		{"/api/v3/flows/instances/", (*visit).flowList},
		{"/-/health/live/", (*visit).healthy},
		{"/-/health/ready/", (*visit).healthy},
	}
}

var (
	errCSRF   = errors.New("CSRF Failed")
	errScheme = errors.New("unsupported authentication type")
)

// admitted makes the checks that the API framework makes before each view: that
// the client accepts JSON, who the request is from and, for a signed-in
// session, that the CSRF token is right.
func (v *visit) admitted() error {
	if !takesJSON(v.request.Header.Values("Accept")) {
		return errors.New("could not satisfy the request Accept header")
	}
	if err := v.authorized(); err != nil {
		return err
	}
	safe := []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}
	if v.user.PK != 0 && !slices.Contains(safe, v.request.Method) && !v.genuine() {
		v.user = User{}
		return errCSRF
	}
	return nil
}

// takesJSON reports whether an Accept header allows JSON.
func takesJSON(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for one := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		t, _, _ := mime.ParseMediaType(one)
		if t == "*/*" || t == "application/*" || t == "application/json" {
			return true
		}
	}
	return false
}

// authorized reads the Authorization header. An API key makes the request one
// of its user.
func (v *visit) authorized() error {
	scheme, credentials, _ := strings.Cut(v.request.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		u, found := v.srv.keyholder(credentials)
		if !found {
			u, found = v.srv.apiBearer(credentials)
		}
		if !found {
			return errors.New("token invalid/expired")
		}
		v.user = u
	case "":
	default:
		if v.srv.dialect.schemesRefused {
			return errScheme
		}
	}
	return nil
}

// genuine is Django's CSRF check: the header must repeat the token of the
// cookie, and the origin must be this server's.
func (v *visit) genuine() bool {
	token := v.sent(cookieCSRF)
	if len(token) != 32 && len(token) != 64 || token != v.request.Header.Get("X-Authentik-Csrf") {
		return false
	}
	if origin := v.request.Header.Get("Origin"); origin != "" {
		return origin == v.address("")
	}
	if !v.secure() {
		return true
	}
	referer, err := url.Parse(v.request.Header.Get("Referer"))
	return err == nil && referer.Scheme == "https" && referer.Host == v.request.Host
}

// keyholder is the user of an API key.
func (s *Server) keyholder(key string) (User, bool) {
	s.mu.Lock()
	name, found := s.tokens[key]
	s.mu.Unlock()
	if !found {
		return User{}, false
	}
	return s.find(func(u User) bool { return u.Username == name && !u.Inactive })
}

// reading begins a read-only view of the API. It returns nil, or the response
// that refuses.
func (v *visit) reading() *response {
	if err := v.admitted(); err != nil {
		detail := "Token invalid/expired"
		if errors.Is(err, errScheme) {
			detail = "Unsupported authentication type"
		}
		return v.api(http.StatusForbidden, object{"detail": detail})
	}
	if v.request.Method != http.MethodGet && v.request.Method != http.MethodHead {
		return v.api(http.StatusMethodNotAllowed, object{"detail": `Method "` + v.request.Method + `" not allowed.`})
	}
	return nil
}

// forged returns the response to a request that fails the CSRF check, or nil.
func (v *visit) forged() *response {
	if err := v.admitted(); errors.Is(err, errCSRF) {
		return v.action(http.StatusForbidden, object{"detail": "CSRF Failed: CSRF token missing."})
	}
	return nil
}

// action is an answer of an API view that only accepts POST.
func (v *visit) action(status int, body any) *response {
	res := v.api(status, body)
	res.allow = "POST, OPTIONS"
	return res
}

func (v *visit) unauthenticated() *response {
	return v.api(http.StatusForbidden, object{"detail": "Authentication credentials were not provided."})
}

func (v *visit) me() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	if v.user.PK == 0 {
		return v.unauthenticated()
	}
	v.session.modified = true
	me := object{"user": v.self(v.user)}
	if u, found := v.original(); found {
		me["original"] = v.self(u)
	}
	return v.api(http.StatusOK, me)
}

func (v *visit) checkAccess() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	app, found := v.srv.application(v.args["slug"])
	if !found {
		return v.api(http.StatusNotFound, object{"detail": "No Application matches the given query."})
	}
	u, refusal := v.subject()
	if refusal != nil {
		return refusal
	}
	passing, said := v.srv.passes(app.Policies, app.PolicyMode, PolicyRequest{
		User: u, HTTP: v.request, Context: map[string]any{},
	})
	messages := []string{}
	if v.srv.superuser(v.user) {
		messages = append(messages, said...)
	}
	return v.api(http.StatusOK, object{"passing": passing, "messages": messages, "log_messages": []string{}})
}

func (s *Server) application(slug string) (Application, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.apps, func(a Application) bool { return a.Slug == slug })
	if i < 0 {
		return Application{}, false
	}
	return s.apps[i], true
}

// flowList refuses, since only administrators may list flows.
func (v *visit) flowList() *response {
	res := v.unauthenticated()
	res.allow = "GET, POST, HEAD, OPTIONS"
	return res
}

func (v *visit) rootConfig() *response {
	if refusal := v.reading(); refusal != nil {
		return refusal
	}
	return v.api(http.StatusOK, v.srv.dialect.config())
}

// config is the configuration as the API and the pages have it.
func (d dialect) config() object {
	config := object{
		"error_reporting": object{
			"enabled": false, "environment": "customer", "send_pii": false, "traces_sample_rate": 0.1,
			"sentry_dsn": "https://151ba72610234c4c97c5bcff4e1cffd8@authentik.error-reporting.a7k.io/4504163677503489",
		},
		"capabilities":  []string{"can_impersonate", "is_enterprise"},
		"cache_timeout": 300, "cache_timeout_flows": 300, "cache_timeout_policies": 300,
	}
	if d.reputationCache {
		config["cache_timeout_reputation"] = 0
	}
	return config
}

func (v *visit) healthy() *response {
	if v.request.Method == http.MethodPost {
		return v.forbiddenPage()
	}
	return &response{status: http.StatusOK}
}
