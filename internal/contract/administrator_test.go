package contract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

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
	// invites makes an invitation to a flow that can be used once, and returns its
	// token. data is what prompts begin with.
	invites(t testing.TB, flow string, data map[string]any) (token string)
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

func (d standInDesk) invites(_ testing.TB, flow string, data map[string]any) string {
	return d.AddInvitation(authentiktest.Invitation{Flow: flow, SingleUse: true, Data: data}).Token
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

// invites asks the API for an invitation. A blueprint cannot make one at 2025.10:
// nobody would have created it, which is an exception there.
func (d desk) invites(t testing.TB, flow string, data map[string]any) string {
	t.Helper()
	var target, made struct {
		PK string `json:"pk"`
	}
	d.reads(t, "api/v3/flows/instances/"+flow+"/", nil, &target)
	err := d.call(t.Context(), http.MethodPost, invitations, nil, Attrs{
		"name": flow, "flow": target.PK, "single_use": true, "expires": "2099-01-01T00:00:00Z", "fixed_data": data,
	}, &made)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // the test's own has ended
		defer cancel()
		err := d.call(ctx, http.MethodDelete, invitations+made.PK+"/", nil, nil, nil)
		var refused refusal
		used := errors.As(err, &refused) && refused.status == http.StatusNotFound
		if err != nil && !used { // used up, it is gone
			t.Errorf("an invitation is left behind: %v", err)
		}
	})
	return made.PK
}

const invitations = "api/v3/stages/invitation/invitations/"

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
	if err := d.call(t.Context(), method, path, nil, body, nil); err != nil {
		t.Fatal(err)
	}
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
		"/api/v3/flows/instances/enrolment/":                            `{"pk": "5761fe08", "slug": "enrolment"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		list, found := lists[r.RequestURI]
		switch {
		case r.Header.Get("Authorization") != "Bearer the-token":
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodGet && found:
			_, _ = io.WriteString(w, list)
		case r.Method == http.MethodDelete && r.URL.Path == "/api/v3/stages/invitation/invitations/0b5cc3d7/":
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPost && r.URL.Path == "/api/v3/stages/invitation/invitations/":
			asked = append(asked, r.Method+" "+r.RequestURI+" "+string(body))
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"pk": "0b5cc3d7"}`)
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
	if token := d.invites(t, "enrolment", map[string]any{"name": "Guest"}); token != "0b5cc3d7" {
		t.Errorf("got token %q of the invitation, want its key", token)
	}
	want := []string{
		`PATCH /api/v3/core/users/76/ {"email":"jane@example.com"}`,
		`POST /api/v3/core/groups/8638deb6/add_user/ {"pk":76}`,
		`POST /api/v3/core/groups/8638deb6/remove_user/ {"pk":76}`,
		`PATCH /api/v3/core/users/76/ {"is_active":false}`,
		`DELETE /api/v3/core/authenticated_sessions/d70c8490/ `,
		`DELETE /api/v3/core/authenticated_sessions/5c4d1b9a/ `,
		`POST /api/v3/stages/invitation/invitations/ {"expires":"2099-01-01T00:00:00Z","fixed_data":{"name":"Guest"},"flow":"5761fe08","name":"enrolment","single_use":true}`,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
