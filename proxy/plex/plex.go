// Package plex makes the requests to plex.tv for a sign-in with a Plex source
// of authentik.
package plex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Client asks Plex for PINs, which the visitor claims at Plex, and for the
// tokens of claimed PINs. New returns the client for plex.tv. Implementations
// are safe for concurrent use.
type Client interface {
	// PIN returns a new PIN. client is the client ID of authentik's source at
	// Plex.
	PIN(ctx context.Context, id string) (PIN, error)
	// Token returns the token of a PIN that was claimed, and an empty text
	// before. It returns ErrExpired if the PIN cannot be claimed any more.
	Token(ctx context.Context, id string, pin PIN) (string, error)
}

// A PIN has a number, and a code for the address at which it is claimed.
type PIN struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`
}

// LogValue returns only the number.
func (p PIN) LogValue() slog.Value { return slog.Int64Value(p.ID) }

var (
	// ErrExpired says that a PIN cannot be claimed any more.
	ErrExpired = errors.New("plex: the PIN has expired")
	// ErrNotAsked says that this gate does not ask Plex. Visitors are then sent on
	// to authentik.
	ErrNotAsked = errors.New("plex: this gate does not ask plex.tv")
)

const (
	address     = "https://plex.tv"
	timeout     = 10 * time.Second
	maxResponse = 64 << 10 // bytes
)

// None is the client of gates that must not ask plex.tv.
type None struct{}

// PIN returns ErrNotAsked.
func (None) PIN(context.Context, string) (PIN, error) { return PIN{}, ErrNotAsked }

// Token returns ErrNotAsked.
func (None) Token(context.Context, string, PIN) (string, error) { return "", ErrNotAsked }

// A client asks plex.tv, or a test server instead.
type client struct {
	address string
	http    *http.Client
}

// New returns a client that asks plex.tv over HTTPS. A nil transport is
// http.DefaultTransport.
func New(transport http.RoundTripper) Client { return NewAt(address, transport) }

// NewAt returns a client that asks a server at another address, for tests.
func NewAt(address string, transport http.RoundTripper) Client {
	return client{address: address, http: &http.Client{
		Transport: transport, Timeout: timeout,
		// A token must not follow a redirect to another server.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// codes matches the codes of Plex. A code becomes part of an address.
var codes = regexp.MustCompile(`^[A-Za-z0-9]{4,64}$`)

func (p client) PIN(ctx context.Context, id string) (PIN, error) {
	var pin PIN
	if err := p.ask(ctx, http.MethodPost, "/api/v2/pins.json?strong=true", id, &pin); err != nil {
		return PIN{}, fmt.Errorf("asking Plex for a PIN: %w", err)
	}
	if pin.ID <= 0 || !codes.MatchString(pin.Code) {
		return PIN{}, errors.New("plex: the answer has no PIN")
	}
	return pin, nil
}

func (p client) Token(ctx context.Context, id string, pin PIN) (string, error) {
	var got struct {
		Token *string `json:"authToken"`
	}
	if err := p.ask(ctx, http.MethodGet, "/api/v2/pins/"+strconv.FormatInt(pin.ID, 10), id, &got); err != nil {
		return "", fmt.Errorf("asking Plex about a PIN: %w", err)
	}
	if got.Token == nil {
		return "", nil
	}
	return *got.Token, nil
}

// ask sends one request. Errors contain no part of the response.
func (p client) ask(ctx context.Context, method, path, id string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, p.address+path, http.NoBody)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Accept": "application/json", "Content-Type": "application/json",
		"X-Plex-Product": "authentik", "X-Plex-Version": "1", "X-Plex-Device-Vendor": "goauthentik.io",
		"X-Plex-Client-Identifier": id,
	} {
		r.Header.Set(name, value)
	}
	res, err := p.http.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // It was only read from.
	switch res.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusNotFound, http.StatusGone:
		return ErrExpired
	default:
		return fmt.Errorf("status %d", res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxResponse)).Decode(into); err != nil {
		return errors.New("the answer is not the JSON of a PIN")
	}
	return nil
}

// Page returns the address at which the visitor claims a PIN.
func Page(id string, pin PIN) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "https://app.plex.tv/auth#!?clientID=" + escape(id) + "&code=" + escape(pin.Code)
}
