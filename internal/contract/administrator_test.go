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

// An administrator changes users at authentik while a scenario runs. Users and
// groups are given by their names in authentik.
type administrator interface {
	// setEmail gives a user another mail address.
	setEmail(t testing.TB, username, address string)
	// addToGroup puts a user into a group, removeFromGroup takes them out.
	addToGroup(t testing.TB, username, group string)
	removeFromGroup(t testing.TB, username, group string)
	// deactivate forbids a user to sign in.
	deactivate(t testing.TB, username string)
	// endSessions ends a user's sessions and returns how many there were.
	endSessions(t testing.TB, username string) int
	// createInvitation creates a single-use invitation to a flow and returns its
	// token. data are the initial values of prompts.
	createInvitation(t testing.TB, flow string, data map[string]any) (token string)
}

// A standInAdmin administers the stand-in.
type standInAdmin struct{ *authentiktest.Server }

func (a standInAdmin) edit(t testing.TB, username string, change func(*authentiktest.User)) {
	t.Helper()
	if !a.EditUser(username, change) {
		t.Fatalf("got no user %s, want one", username)
	}
}

func (a standInAdmin) setEmail(t testing.TB, username, address string) {
	t.Helper()
	a.edit(t, username, func(u *authentiktest.User) { u.Email = address })
}

func (a standInAdmin) addToGroup(t testing.TB, username, group string) {
	t.Helper()
	a.edit(t, username, func(u *authentiktest.User) { u.Groups = append(u.Groups, group) })
}

func (a standInAdmin) removeFromGroup(t testing.TB, username, group string) {
	t.Helper()
	a.edit(t, username, func(u *authentiktest.User) {
		u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return g == group })
	})
}

func (a standInAdmin) deactivate(t testing.TB, username string) {
	t.Helper()
	if !a.SetActive(username, false) {
		t.Fatalf("got no user %s, want one", username)
	}
}

func (a standInAdmin) createInvitation(_ testing.TB, flow string, data map[string]any) string {
	return a.AddInvitation(authentiktest.Invitation{Flow: flow, SingleUse: true, Data: data}).Token
}

func (a standInAdmin) endSessions(_ testing.TB, username string) int { return a.EndSessions(username) }

// An apiAdmin administers a real authentik by its API.
type apiAdmin struct{ *Importer }

func (a apiAdmin) setEmail(t testing.TB, username, address string) {
	t.Helper()
	a.edit(t, username, Attrs{"email": address})
}

func (a apiAdmin) deactivate(t testing.TB, username string) {
	t.Helper()
	a.edit(t, username, Attrs{"is_active": false})
}

func (a apiAdmin) edit(t testing.TB, username string, attrs Attrs) {
	t.Helper()
	a.mustCall(t, http.MethodPatch, fmt.Sprintf("api/v3/core/users/%d/", a.user(t, username)), attrs)
}

func (a apiAdmin) addToGroup(t testing.TB, username, group string) {
	t.Helper()
	a.mustCall(t, http.MethodPost, "api/v3/core/groups/"+a.group(t, group)+"/add_user/", Attrs{"pk": a.user(t, username)})
}

func (a apiAdmin) removeFromGroup(t testing.TB, username, group string) {
	t.Helper()
	a.mustCall(t, http.MethodPost, "api/v3/core/groups/"+a.group(t, group)+"/remove_user/", Attrs{"pk": a.user(t, username)})
}

func (a apiAdmin) endSessions(t testing.TB, username string) int {
	t.Helper()
	var list struct {
		Results []struct {
			UUID string `json:"uuid"`
		} `json:"results"`
	}
	a.mustRead(t, "api/v3/core/authenticated_sessions/", url.Values{"user__username": {username}}, &list)
	for _, one := range list.Results {
		a.mustCall(t, http.MethodDelete, "api/v3/core/authenticated_sessions/"+one.UUID+"/", nil)
	}
	return len(list.Results)
}

// createInvitation uses the API: at 2025.10 a blueprint cannot create an
// invitation, since 2025.10 raises an exception for one without a creator.
func (a apiAdmin) createInvitation(t testing.TB, flow string, data map[string]any) string {
	t.Helper()
	var target, made struct {
		PK string `json:"pk"`
	}
	a.mustRead(t, "api/v3/flows/instances/"+flow+"/", nil, &target)
	err := a.call(t.Context(), http.MethodPost, invitations, nil, Attrs{
		"name": flow, "flow": target.PK, "single_use": true, "expires": "2099-01-01T00:00:00Z", "fixed_data": data,
	}, &made)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context has ended
		defer cancel()
		err := a.call(ctx, http.MethodDelete, invitations+made.PK+"/", nil, nil, nil)
		var refused refusal
		used := errors.As(err, &refused) && refused.status == http.StatusNotFound
		if err != nil && !used { // authentik deletes a single-use invitation once it is used
			t.Errorf("deleting an invitation: got %v, want it deleted", err)
		}
	})
	return made.PK
}

const invitations = "api/v3/stages/invitation/invitations/"

func (a apiAdmin) user(t testing.TB, username string) int {
	t.Helper()
	var list struct {
		Results []struct {
			PK int `json:"pk"`
		} `json:"results"`
	}
	a.mustRead(t, "api/v3/core/users/", url.Values{"username": {username}}, &list)
	if len(list.Results) != 1 {
		t.Fatalf("got %d users called %s, want 1", len(list.Results), username)
	}
	return list.Results[0].PK
}

func (a apiAdmin) group(t testing.TB, name string) string {
	t.Helper()
	var list struct {
		Results []struct {
			PK string `json:"pk"`
		} `json:"results"`
	}
	a.mustRead(t, "api/v3/core/groups/", url.Values{"name": {name}, "include_users": {"false"}}, &list)
	if len(list.Results) != 1 {
		t.Fatalf("got %d groups called %s, want 1", len(list.Results), name)
	}
	return list.Results[0].PK
}

func (a apiAdmin) mustRead(t testing.TB, path string, query url.Values, into any) {
	t.Helper()
	if err := a.read(t.Context(), path, query, into); err != nil {
		t.Fatal(err)
	}
}

func (a apiAdmin) mustCall(t testing.TB, method, path string, body Attrs) {
	t.Helper()
	if err := a.call(t.Context(), method, path, nil, body, nil); err != nil {
		t.Fatal(err)
	}
}

// The expected requests are from the recordings session-ends, access-application
// and provisioning-api.
func TestAPIAdmin_SendsTheRecordedRequests(t *testing.T) {
	t.Parallel()
	var asked []string
	lists := map[string]string{
		"/api/v3/core/users/?username=alice":                          `{"results": [{"pk": 76}]}`,
		"/api/v3/core/groups/?include_users=false&name=staff":         `{"results": [{"pk": "8638deb6"}]}`,
		"/api/v3/core/authenticated_sessions/?user__username=alice":   `{"results": [{"uuid": "d70c8490"}, {"uuid": "5c4d1b9a"}]}`,
		"/api/v3/core/authenticated_sessions/?user__username=unknown": `{"results": []}`,
		"/api/v3/flows/instances/enrolment/":                          `{"pk": "5761fe08", "slug": "enrolment"}`,
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
	a := apiAdmin{&Importer{URL: parse(t, server.URL), Token: "the-token", Client: server.Client()}}
	a.setEmail(t, "alice", "jane@example.com")
	a.addToGroup(t, "alice", "staff")
	a.removeFromGroup(t, "alice", "staff")
	a.deactivate(t, "alice")
	if some, none := a.endSessions(t, "alice"), a.endSessions(t, "unknown"); some != 2 || none != 0 {
		t.Errorf("got %d and %d sessions, want 2 and 0", some, none)
	}
	if token := a.createInvitation(t, "enrolment", map[string]any{"name": "Guest"}); token != "0b5cc3d7" {
		t.Errorf("got invitation token %q, want 0b5cc3d7", token)
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
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
