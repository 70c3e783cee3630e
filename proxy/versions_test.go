package proxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/flowsidecar/caddy-authentik/flowclient"
	"github.com/flowsidecar/caddy-authentik/proxy/internal/seal"
)

// firstVersion is what the first version of the gate has stored and given to a
// browser, with the key kkkk… at https://app.example.com.
type firstVersion struct {
	Cookie             string            `json:"cookie"`
	Records            map[string][]byte `json:"records"`
	Visit, State, Link string
	Relay              string
	EndUser            string `json:"end_user"`
	EndSID             string `json:"end_sid"`
}

// TestRecords_OfTheFirstVersionOpen holds names and seals of stored records and
// of what travels in pages: an update must end no session and no sign-in.
func TestRecords_OfTheFirstVersionOpen(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/records-of-the-first-version.json")
	if err != nil {
		t.Fatal(err)
	}
	var old firstVersion
	if err := json.Unmarshal(raw, &old); err != nil {
		t.Fatal(err)
	}
	kept, now := newStore(t), time.Date(2100, 1, 1, 0, 1, 0, 0, time.UTC)
	for name, value := range old.Records {
		if _, err := kept.Save(t.Context(), name, Record{Value: value, Expiry: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	address, _ := url.Parse("https://auth.example.com")
	client, err := flowclient.New(flowclient.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, Config{
		Client: client, Store: kept, Key: []byte(strings.Repeat("k", 32)), Application: "app", Now: func() time.Time { return now },
		OIDC: OIDCConfig{ClientID: "gate", ClientSecret: strings.Repeat("s", 40)},
	})
	at := Resolved{Scheme: "https", Host: "app.example.com", Client: netip.MustParseAddr("203.0.113.7"), Asked: &url.URL{Path: "/"}}
	browser, ok := seal.ParseSecret(old.Cookie)
	if !ok {
		t.Fatal("got no secret in the old cookie")
	}
	s, err := findSession(t.Context(), g, old.Cookie, at)
	if s == nil || err != nil {
		t.Fatalf("session: got %v, %v, want that of the first version", s, err)
	}
	if s.User.Username != "jane" || !s.SignIn.MFA || !s.Allowed("app") || !s.EndsWith(old.EndSID) {
		t.Errorf("session: got %+v", s)
	}
	rec, found, err := g.sessions.Read(t.Context(), browser, at.Host)
	if !found || err != nil || rec.Tokens == nil || rec.Tokens.Refresh != "r" || rec.Cookies["authentik_session"] != "s" {
		t.Errorf("record: got %+v, %v, %v", rec, found, err)
	}
	if list, err := g.Operator().SessionsOf(t.Context(), "jane"); err != nil || len(list) != 1 || list[0].Agent != "agent" {
		t.Errorf("index: got %v, %v, want one session", list, err)
	}
	if known, err := g.sessions.Index.Knows(t.Context(), "sid-1"); !known || err != nil {
		t.Errorf("authentik's session: got %v, %v, want it known", known, err)
	}
	if got := g.member.SignIn.Recall(t.Context(), browser, at.Host); got["authentik_device"] != "d" {
		t.Errorf("remembered device: got %v", got)
	}
	if vis, err := openVisit(g, browser, at, old.Visit); err != nil || vis.Back != "/deep" || vis.Step.Challenge.Component() != flowclient.ComponentPassword {
		t.Errorf("visit: got %+v, %v", vis, err)
	}
	x := exchangeAt(g, httptest.NewRequest(http.MethodGet, "/", nil), at)
	for kind, sealed := range map[seal.Kind]string{seal.KindRelay: old.Relay, seal.KindLink: old.Link, seal.KindState: strings.Split(old.State, ".")[0]} {
		var v map[string]any
		if err := x.Box(kind, browser).OpenText(sealed, &v); err != nil || len(v) == 0 {
			t.Errorf("%s: got %v, %v", kind, v, err)
		}
	}
	if _, _, tombstones := g.sessions.Index.Places("uid-jane", "jane", "e"); len(tombstones) != 1 || tombstones[0] != old.EndUser {
		t.Errorf("tombstone of the user: got %v, want %s", tombstones, old.EndUser)
	}
}
