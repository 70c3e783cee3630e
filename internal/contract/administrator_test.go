package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// An administrator changes what authentik knows of users while they walk. Users and
// groups are known by their names in authentik.
type administrator interface {
	// moves gives a user another mail address.
	moves(t testing.TB, username, address string)
	// joins puts a user into a group, and leaves takes them out.
	joins(t testing.TB, username, group string)
	leaves(t testing.TB, username, group string)
	// deactivates forbids a user to sign in.
	deactivates(t testing.TB, username string)
	// ends ends the sessions of a user, and says how many there were.
	ends(t testing.TB, username string) int
}

// A standInDesk is where the stand-in is administered.
type standInDesk struct{ *authentiktest.Server }

func (d standInDesk) edit(t testing.TB, username string, change func(*authentiktest.User)) {
	t.Helper()
	if !d.EditUser(username, change) {
		t.Fatalf("there is no user %s", username)
	}
}

func (d standInDesk) moves(t testing.TB, username, address string) {
	t.Helper()
	d.edit(t, username, func(u *authentiktest.User) { u.Email = address })
}

func (d standInDesk) joins(t testing.TB, username, group string) {
	t.Helper()
	d.edit(t, username, func(u *authentiktest.User) { u.Groups = append(u.Groups, group) })
}

func (d standInDesk) leaves(t testing.TB, username, group string) {
	t.Helper()
	d.edit(t, username, func(u *authentiktest.User) {
		u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return g == group })
	})
}

func (d standInDesk) deactivates(t testing.TB, username string) {
	t.Helper()
	if !d.SetActive(username, false) {
		t.Fatalf("there is no user %s", username)
	}
}

func (d standInDesk) ends(_ testing.TB, username string) int { return d.EndSessions(username) }

// A desk is where a real authentik is administered: its API.
type desk struct{ *Importer }

func (d desk) moves(t testing.TB, username, address string) {
	t.Helper()
	d.edit(t, username, Attrs{"email": address})
}

func (d desk) deactivates(t testing.TB, username string) {
	t.Helper()
	d.edit(t, username, Attrs{"is_active": false})
}

func (d desk) edit(t testing.TB, username string, attrs Attrs) {
	t.Helper()
	d.does(t, http.MethodPatch, fmt.Sprintf("api/v3/core/users/%d/", d.user(t, username)), attrs)
}

func (d desk) joins(t testing.TB, username, group string) {
	t.Helper()
	d.does(t, http.MethodPost, "api/v3/core/groups/"+d.group(t, group)+"/add_user/", Attrs{"pk": d.user(t, username)})
}

func (d desk) leaves(t testing.TB, username, group string) {
	t.Helper()
	d.does(t, http.MethodPost, "api/v3/core/groups/"+d.group(t, group)+"/remove_user/", Attrs{"pk": d.user(t, username)})
}

func (d desk) ends(t testing.TB, username string) int {
	t.Helper()
	var list struct {
		Results []struct {
			UUID string `json:"uuid"`
		} `json:"results"`
	}
	d.reads(t, "api/v3/core/authenticated_sessions/", url.Values{"user__username": {username}}, &list)
	for _, one := range list.Results {
		d.does(t, http.MethodDelete, "api/v3/core/authenticated_sessions/"+one.UUID+"/", nil)
	}
	return len(list.Results)
}

func (d desk) user(t testing.TB, username string) int {
	t.Helper()
	var list struct {
		Results []struct {
			PK int `json:"pk"`
		} `json:"results"`
	}
	d.reads(t, "api/v3/core/users/", url.Values{"username": {username}}, &list)
	if len(list.Results) != 1 {
		t.Fatalf("%d users are called %s", len(list.Results), username)
	}
	return list.Results[0].PK
}

func (d desk) group(t testing.TB, name string) string {
	t.Helper()
	var list struct {
		Results []struct {
			PK string `json:"pk"`
		} `json:"results"`
	}
	d.reads(t, "api/v3/core/groups/", url.Values{"name": {name}, "include_users": {"false"}}, &list)
	if len(list.Results) != 1 {
		t.Fatalf("%d groups are called %s", len(list.Results), name)
	}
	return list.Results[0].PK
}

func (d desk) reads(t testing.TB, path string, query url.Values, into any) {
	t.Helper()
	if err := d.read(t.Context(), path, query, into); err != nil {
		t.Fatal(err)
	}
}

func (d desk) does(t testing.TB, method, path string, body Attrs) {
	t.Helper()
	if _, err := d.ask(t.Context(), method, path, nil, body); err != nil {
		t.Fatal(err)
	}
}

// ask asks authentik's API. The error says what authentik says, never the token.
func (i *Importer) ask(ctx context.Context, method, path string, query url.Values, body Attrs) ([]byte, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(text)
	}
	at := i.URL.JoinPath(path)
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, at.String(), sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", "Bearer "+i.Token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := i.Client.Do(req)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReport))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("authentik answers %d to %s %s: %s", res.StatusCode, method, path, text)
	}
	return text, nil
}

// The requests are those of the recordings session-ends, access-application and
// provisioning-api.
func TestTheAdministratorOfARealAuthentikAsksItsAPI(t *testing.T) {
	t.Parallel()
	var asked []string
	lists := map[string]string{
		"/api/v3/core/users/?username=alice":                            `{"results": [{"pk": 76}]}`,
		"/api/v3/core/groups/?include_users=false&name=staff":           `{"results": [{"pk": "8638deb6"}]}`,
		"/api/v3/core/authenticated_sessions/?user__username=alice":     `{"results": [{"uuid": "d70c8490"}, {"uuid": "5c4d1b9a"}]}`,
		"/api/v3/core/authenticated_sessions/?user__username=of-nobody": `{"results": []}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		list, found := lists[r.RequestURI]
		switch {
		case r.Header.Get("Authorization") != "Bearer the-token":
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodGet && found:
			_, _ = io.WriteString(w, list)
		default:
			asked = append(asked, r.Method+" "+r.RequestURI+" "+string(body))
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	d := desk{&Importer{URL: parse(t, server.URL), Token: "the-token", Client: server.Client()}}
	d.moves(t, "alice", "jane@example.com")
	d.joins(t, "alice", "staff")
	d.leaves(t, "alice", "staff")
	d.deactivates(t, "alice")
	if some, none := d.ends(t, "alice"), d.ends(t, "of-nobody"); some != 2 || none != 0 {
		t.Errorf("%d and %d sessions", some, none)
	}
	want := []string{
		`PATCH /api/v3/core/users/76/ {"email":"jane@example.com"}`,
		`POST /api/v3/core/groups/8638deb6/add_user/ {"pk":76}`,
		`POST /api/v3/core/groups/8638deb6/remove_user/ {"pk":76}`,
		`PATCH /api/v3/core/users/76/ {"is_active":false}`,
		`DELETE /api/v3/core/authenticated_sessions/d70c8490/ `,
		`DELETE /api/v3/core/authenticated_sessions/5c4d1b9a/ `,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
