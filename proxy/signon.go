package proxy

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode"

	"github.com/flowsidecar/caddy-authentik/proxy/internal/session"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/signon"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// A SignOnForm is the login form of an application. When the browser of a
// signed-in user loads the application's login page, the gate fills in and
// sends the form, and gives the application's cookies to the browser. The
// browser never gets the name and the password.
type SignOnForm struct {
	// Page is the path of the login page. Required.
	Page string
	// Post is the path that the form is sent to. Default: Page.
	Post string
	// User and Password are the fields of the form. Required.
	User, Password FormField
	// Cookies are names of cookies that the application may set in the browser.
	// In a name * matches any characters. The cookies expire when another user
	// signs in on the same browser, as with AppCookies for the path /.
	// Required.
	Cookies []string
	// Redirected says that only a redirect means success. Default: any answer that
	// is not an error and does not show the form again.
	Redirected bool
}

// cookies are patterns for the cookies that browsers get.
func (f *SignOnForm) cookies() []string {
	if f == nil {
		return nil
	}
	return f.Cookies
}

// A FormField is a field of a login form.
type FormField struct {
	// Name is the name of the field in HTML.
	Name string
	// Value returns the value of the field. If it is empty, the user gets the
	// application's own page.
	Value func(Session) string
}

// Basic returns the value of the header Authorization for a name and a password
// (RFC 7617), in UTF-8. It is empty if one of the two is empty or cannot be
// sent in the header: a name cannot have a colon, and neither can have control
// characters.
func Basic(user, password string) string {
	if user == "" || password == "" || strings.Contains(user, ":") || strings.ContainsFunc(user+password, unicode.IsControl) {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// field returns the field for package signon.
func (f FormField) field() signon.Field {
	return signon.Field{Name: f.Name, Value: func(s *session.Session) string { return f.Value(Session{s}) }}
}

// signOn returns the handler that signs users in at the application, or nil.
func (cfg Config) signOn() *signon.Handler {
	f := cfg.SignOnForm
	if f == nil {
		return nil
	}
	return signon.New(signon.Options{
		Page: f.Page, Post: f.Post, User: f.User.field(), Password: f.Password.field(), Cookies: f.Cookies, Redirected: f.Redirected, Now: cfg.Now,
	})
}

func (cfg Config) checkSignOn(wrong func(option string, err error)) {
	for _, path := range cfg.SignOutPaths {
		wrong("sign-out paths", rules.Path(path))
	}
	f := cfg.SignOnForm
	if f == nil {
		return
	}
	wrong("sign-on form: page", rules.Path(f.Page))
	given(f.Post, func() { wrong("sign-on form: post", rules.Path(f.Post)) })
	if f.User.Name == "" || f.User.Value == nil || f.Password.Name == "" || f.Password.Value == nil {
		wrong("sign-on form", errors.New("it needs the names of the fields for the user and the password, and what is written there"))
	}
	if len(f.Cookies) == 0 {
		wrong("sign-on form", errors.New("it names no cookie of the application"))
	}
	for _, name := range f.Cookies {
		wrong("sign-on form: cookies", rules.CookiePattern(name))
	}
}
