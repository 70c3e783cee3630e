package proxy

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

// Plex is what the gate needs of plex.tv, so that people can sign in with a source of that kind:
// a PIN, which its owner claims there, and the token that comes of it. NewPlex returns the real one.
type Plex interface {
	// PIN makes one for the client that authentik's source is at Plex.
	PIN(ctx context.Context, client string) (PlexPIN, error)
	// Token returns the token of a PIN that has been claimed, and nothing before that.
	// ErrPlexOver says that the PIN is of no use any more.
	Token(ctx context.Context, client string, pin PlexPIN) (string, error)
}

// PlexPIN is a PIN of Plex: its number, and the code in the address where it is claimed.
type PlexPIN struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`
}

// LogValue tells the number alone.
func (p PlexPIN) LogValue() slog.Value { return slog.Int64Value(p.ID) }

var (
	// ErrPlexOver says that a PIN is of no use any more.
	ErrPlexOver = errors.New("proxy: the PIN is of no use at Plex any more")
	// ErrNoPlex says that this gate does not ask Plex. Visitors are then sent on to authentik.
	ErrNoPlex = errors.New("proxy: this gate does not ask Plex")
)

const (
	plexAddress = "https://plex.tv"
	plexTimeout = 10 * time.Second
	maxPlex     = 64 << 10
)

// NoPlex is for gates that must not ask plex.tv.
type NoPlex struct{}

// PIN returns ErrNoPlex.
func (NoPlex) PIN(context.Context, string) (PlexPIN, error) { return PlexPIN{}, ErrNoPlex }

// Token returns ErrNoPlex.
func (NoPlex) Token(context.Context, string, PlexPIN) (string, error) { return "", ErrNoPlex }

// plexTV asks plex.tv, or what stands in its place in tests.
type plexTV struct {
	address string
	http    *http.Client
}

// NewPlex returns a Plex that asks plex.tv over HTTPS. A nil transport is http.DefaultTransport.
func NewPlex(transport http.RoundTripper) Plex { return newPlex(plexAddress, transport) }

func newPlex(address string, transport http.RoundTripper) plexTV {
	return plexTV{address: address, http: &http.Client{
		Transport: transport, Timeout: plexTimeout,
		// A token must not follow a redirect to anywhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// plexCodes is what Plex's codes look like. They become part of an address.
var plexCodes = regexp.MustCompile(`^[A-Za-z0-9]{4,64}$`)

func (p plexTV) PIN(ctx context.Context, client string) (PlexPIN, error) {
	var pin PlexPIN
	if err := p.ask(ctx, http.MethodPost, "/api/v2/pins.json?strong=true", client, &pin); err != nil {
		return PlexPIN{}, fmt.Errorf("proxy: asking Plex for a PIN: %w", err)
	}
	if pin.ID <= 0 || !plexCodes.MatchString(pin.Code) {
		return PlexPIN{}, errors.New("proxy: Plex has given no PIN")
	}
	return pin, nil
}

func (p plexTV) Token(ctx context.Context, client string, pin PlexPIN) (string, error) {
	var got struct {
		Token *string `json:"authToken"`
	}
	if err := p.ask(ctx, http.MethodGet, "/api/v2/pins/"+strconv.FormatInt(pin.ID, 10), client, &got); err != nil {
		return "", fmt.Errorf("proxy: asking Plex about a PIN: %w", err)
	}
	if got.Token == nil {
		return "", nil
	}
	return *got.Token, nil
}

// ask sends one request. Nothing of what is answered becomes part of an error.
func (p plexTV) ask(ctx context.Context, method, path, client string, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, p.address+path, http.NoBody)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Accept": "application/json", "Content-Type": "application/json",
		"X-Plex-Product": "authentik", "X-Plex-Version": "1", "X-Plex-Device-Vendor": "goauthentik.io",
		"X-Plex-Client-Identifier": client,
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
		return ErrPlexOver
	default:
		return fmt.Errorf("status %d", res.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxPlex)).Decode(into); err != nil {
		return errors.New("the answer is not the JSON of a PIN")
	}
	return nil
}

// plexPage is where a person claims a PIN.
func plexPage(client string, pin PlexPIN) string {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	return "https://app.plex.tv/auth#!?clientID=" + escape(client) + "&code=" + escape(pin.Code)
}
