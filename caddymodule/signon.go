package caddymodule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/identity"
	"github.com/flowsidecar/caddy-authentik/caddymodule/internal/options"
	"github.com/flowsidecar/caddy-authentik/proxy"
	"github.com/flowsidecar/caddy-authentik/proxy/rules"
)

// SignOn says how the gate signs users in at the application itself, so that they
// sign in once. The browser never sees the name and the password.
type SignOn struct {
	// The application's own login form. The gate fills it in and sends it when the
	// application redirects to it. Default: users sign in there themselves.
	Form *SignOnForm `json:"form,omitempty"`

	// A name and a password in the header `Authorization` of every request (RFC
	// 7617). Default: none.
	Basic *SignOnBasic `json:"basic,omitempty"`
}

// SignOnForm is the login form of an application.
type SignOnForm struct {
	// The path of the login page. Required.
	Page string `json:"page"`

	// The path that the form is sent to. Default: `page`.
	Post string `json:"post,omitempty"`

	// The field for the name. Required.
	User FormField `json:"user"`

	// The field for the password. Required.
	Password FormField `json:"password"`

	// Names of cookies that the application may set in the browser, in which `*`
	// matches any characters. Required.
	Cookies []string `json:"cookies"`

	// Which answer shows that the application has signed the user in: with
	// `not_page` any answer that is not an error and does not show the form again,
	// with `redirect` only a redirect to another page. Default: `not_page`.
	OK string `json:"ok,omitempty"`
}

// FormField is a field of a form.
type FormField struct {
	// The name of the field in HTML, for example `username`.
	Field string `json:"field"`

	// A text with placeholders of the user, for example
	// `{http.auth.user.username}`. If a placeholder has no value, the user gets
	// the application's own page.
	Value string `json:"value"`
}

// SignOnBasic is a name and a password for the application.
type SignOnBasic struct {
	// The name: a text with placeholders of the user. Required.
	User string `json:"user"`

	// The password: a text with placeholders of the user, or one for all users such
	// as `{env.APP_PASSWORD}`. Required.
	Password string `json:"password"`
}

const (
	formExample  = "sign_on form { page /login; user username {http.auth.user.username}; password password {http.auth.user.attributes.password}; cookies sid }"
	basicExample = "sign_on basic { user {http.auth.user.username}; password {http.auth.user.attributes.password} }"
)

// signOn reads one of the forms of sign_on.
func (p *parser) signOn(d *caddyfile.Dispenser) {
	if !d.NextArg() {
		p.Wrong(d, "sign_on has no value; write sign_on form or sign_on basic, each with a block")
		return
	}
	switch kind := d.Val(); kind {
	case "form":
		f := new(SignOnForm)
		p.handler.SignOn.Form = f
		p.Block(d, "sign_on form", func(d *caddyfile.Dispenser) { p.formOption(d, f) })
		p.readSignOn(d, "sign_on form", f.check)
	case "basic":
		b := new(SignOnBasic)
		p.handler.SignOn.Basic = b
		p.Block(d, "sign_on basic", func(d *caddyfile.Dispenser) { p.basicOption(d, b) })
		p.readSignOn(d, "sign_on basic", b.check)
	default:
		p.Wrong(d, "sign_on: %q is not known; write form or basic%s", kind, rules.Suggest(kind, []string{"form", "basic"}))
	}
}

// readSignOn checks the options that were read, if there are no other mistakes
// in them.
func (p *parser) readSignOn(d *caddyfile.Dispenser, name string, check func(rules.Source) error) {
	if p.Failed() {
		return
	}
	if err := check(p.source); err != nil {
		p.Wrong(d, "%s: %v", name, err)
	}
}

func (p *parser) formOption(d *caddyfile.Dispenser, f *SignOnForm) {
	switch option := d.Val(); option {
	case "page", "post", "ok":
		into := map[string]*string{"page": &f.Page, "post": &f.Post, "ok": &f.OK}[option]
		example := map[string]string{"page": "page /login", "post": "post /login/check", "ok": "ok not_page"}[option]
		if words := p.Values(d, "sign_on form "+option, 1, 1, example); words != nil {
			*into = words[0]
		}
	case "user", "password":
		into := map[string]*FormField{"user": &f.User, "password": &f.Password}[option]
		example := map[string]string{"user": "user username {http.auth.user.username}", "password": "password password {http.auth.user.attributes.password}"}[option]
		words := p.Values(d, "sign_on form "+option, 2, 2, example)
		if words != nil {
			into.Field, into.Value = words[0], words[1]
		}
	case "cookies":
		f.Cookies = p.Values(d, "sign_on form cookies", 1, -1, "cookies sid app_*")
	default:
		p.Wrong(d, "unrecognized option sign_on form %s; write one of cookies, ok, page, password, post, user", option)
		d.RemainingArgs()
	}
}

func (p *parser) basicOption(d *caddyfile.Dispenser, b *SignOnBasic) {
	option := d.Val()
	into := map[string]*string{"user": &b.User, "password": &b.Password}[option]
	if into == nil {
		p.Wrong(d, "unrecognized option sign_on basic %s; write one of password, user", option)
		d.RemainingArgs()
		return
	}
	if words := p.Values(d, "sign_on basic "+option, 1, 1, option+" {http.auth.user.attributes."+option+"}"); words != nil {
		*into = words[0]
	}
}

// check returns the mistakes in the options of a form.
func (f *SignOnForm) check(source rules.Source) error {
	if f.Page == "" || f.User.Field == "" || f.Password.Field == "" || len(f.Cookies) == 0 {
		return fmt.Errorf("it needs page, user, password and cookies; write for example %s", formExample)
	}
	for _, path := range []string{f.Page, f.Post} {
		if path != "" && !options.HasPlaceholder(path) {
			if err := rules.Path(path); err != nil {
				return err
			}
		}
	}
	for _, name := range f.Cookies {
		if err := rules.CookiePattern(name); err != nil && !options.HasPlaceholder(name) {
			return options.In("cookies", err)
		}
	}
	if f.OK != "" && !options.HasPlaceholder(f.OK) {
		if err := options.OneOf("not_page", "redirect")(f.OK); err != nil {
			return options.In("ok", err)
		}
	}
	return checkCredentials(f.User.Value, f.Password.Value, source)
}

// check returns the mistakes in a name and a password.
func (b *SignOnBasic) check(source rules.Source) error {
	if b.User == "" || b.Password == "" {
		return fmt.Errorf("it needs user and password; write for example %s", basicExample)
	}
	return checkCredentials(b.User, b.Password, source)
}

func checkCredentials(user, password string, source rules.Source) error {
	if err := identity.CheckCredential(user, source); err != nil {
		return options.In("user", err)
	}
	return options.In("password", identity.CheckCredential(password, source))
}

// expand replaces the placeholders that are the same for every user and checks
// the result.
func (s *SignOn) expand(source rules.Source) (wrong options.Mistakes) {
	if f := s.Form; f != nil {
		for _, text := range []*string{&f.Page, &f.Post, &f.OK, &f.User.Field, &f.Password.Field} {
			if *text != "" {
				wrong = wrong.And(options.In("sign_on form", options.Expand(text)))
			}
		}
		wrong = append(wrong, options.ExpandAll("sign_on form cookies", f.Cookies)...)
		wrong = wrong.And(options.In("sign_on form", f.check(source)))
		wrong = wrong.And(options.In("sign_on form user", expandLasting(&f.User.Value)))
		wrong = wrong.And(options.In("sign_on form password", expandLasting(&f.Password.Value)))
	}
	if b := s.Basic; b != nil {
		wrong = wrong.And(options.In("sign_on basic", b.check(source)))
		wrong = wrong.And(options.In("sign_on basic user", expandLasting(&b.User)))
		wrong = wrong.And(options.In("sign_on basic password", expandLasting(&b.Password)))
	}
	return wrong
}

func expandLasting(text *string) (err error) {
	*text, err = options.ExpandLasting(*text)
	return err
}

// signOnForm returns the form for the gate.
func (s SignOn) signOnForm() *proxy.SignOnForm {
	f := s.Form
	if f == nil {
		return nil
	}
	return &proxy.SignOnForm{
		Page: f.Page, Post: f.Post, Cookies: f.Cookies, Redirected: f.OK == "redirect",
		User:     proxy.FormField{Name: f.User.Field, Value: identity.Credential(f.User.Value)},
		Password: proxy.FormField{Name: f.Password.Field, Value: identity.Credential(f.Password.Value)},
	}
}

// header returns the header of sign_on basic, if there is one.
func (s SignOn) header() []proxy.HeaderRule {
	b := s.Basic
	if b == nil {
		return nil
	}
	user, password := identity.Credential(b.User), identity.Credential(b.Password)
	return []proxy.HeaderRule{{
		Name: "Authorization", Encoding: proxy.EncodingUTF8,
		Of: func(s proxy.Session) string { return proxy.Basic(user(s), password(s)) },
	}}
}

// conflicts returns the options that cannot be used with sign_on.
func (s SignOn) conflicts(hs Headers) []rules.Conflict {
	own := slices.ContainsFunc(hs.Own, func(h Header) bool { return strings.EqualFold(h.Name, "Authorization") })
	if s.Basic == nil || !own {
		return nil
	}
	return []rules.Conflict{{Option: "headers", Err: errors.New("headers has a line Authorization, and sign_on basic writes that header; leave one of them out")}}
}
