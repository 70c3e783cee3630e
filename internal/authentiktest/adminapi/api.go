// Package adminapi is the administrators' API of the stand-in for authentik, as
// far as setting up a site needs it: applications, OAuth2 providers, bindings,
// and the objects that are looked up for them. Visitors who sign in at the
// stand-in see its changes at once. It is tested against the recordings of real
// servers. api.go has requests and rights, tables.go the objects, fields.go
// what authentik says about wrong fields; the other files are the kinds of
// objects.
package adminapi

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/flowsidecar/caddy-authentik/internal/authentiktest"
)

// prefix is the prefix of the API's addresses.
const prefix = "/api/v3/"

// object is a JSON object.
type object = map[string]any

// An API is the stand-in with its administrators' API. It is safe for concurrent
// use.
type API struct {
	server *authentiktest.Server
	// Rights are the rights of users who are not superusers, by username, as
	// authentik names them: "authentik_core.add_application".
	Rights map[string][]string
	// Before, if it is set, sees each request to the API that changes something,
	// before it is carried out. If it returns false the connection is cut off.
	Before func(*http.Request) bool

	mu     sync.Mutex
	tables tables
}

// New returns the API of a server. Applications that the server has already are
// objects like those that the API creates.
func New(server *authentiktest.Server) *API {
	a := &API{server: server, Rights: map[string][]string{}}
	a.tables = newTables(a.dialect())
	a.adopt()
	return a
}

// A dialect is how the API of one release differs from the APIs of others.
type dialect struct {
	grantTypes, logoutTypes bool // providers have grant_types, and addresses of the type logout
	curlyQuotes             bool // in the text about slugs
}

func (a *API) dialect() dialect {
	version, _ := a.server.Version()
	return dialect{
		grantTypes: !strings.HasPrefix(version, "2025."), logoutTypes: !strings.HasPrefix(version, "2025."),
		curlyQuotes: !strings.HasPrefix(version, "2025."),
	}
}

// A call is one request to the API.
type call struct {
	*http.Request
	api  *API
	rest []string // the path after that of the kind
	body object
}

// A kind is what the API can do with one kind of object.
type kind struct {
	path  string
	model string // the name of a right, with %s for the verb
	list  func(call) (int, any)
	add   func(call) (int, any)
	get   func(call) (int, any)
	patch func(call) (int, any)
	drop  func(call) (int, any)
}

func kinds() []kind {
	return []kind{applications(), providers(), bindings(), groups(), flows(), scopes(), keys(), proxies(), events()}
}

// ServeHTTP answers the API's addresses, and hands all others to the stand-in.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, below := strings.CutPrefix(r.URL.Path, prefix)
	if below && r.Header.Get("Authorization") != "" || a.administrative(path) {
		if path == "admin/version/" {
			status, body := a.version(r)
			a.write(w, status, body)
			return
		}
		for _, k := range kinds() {
			if rest, found := strings.CutPrefix(path, k.path); found && !strings.Contains(rest, "check_access") {
				a.serve(w, r, k, rest)
				return
			}
		}
	}
	a.server.ServeHTTP(w, r)
}

// administrative reports whether a path is answered by the API even without a
// token: it refuses then.
func (a *API) administrative(path string) bool {
	return path == "admin/version/" || strings.HasPrefix(path, "providers/")
}

func (a *API) version(r *http.Request) (int, any) {
	if _, _, refusal := a.who(r); refusal != "" {
		return http.StatusForbidden, object{"detail": refusal}
	}
	version, _ := a.server.Version()
	return http.StatusOK, object{"version_current": version, "build_hash": "", "outdated": false, "outpost_outdated": false}
}

// who returns the user of a request, or the text that refuses it.
func (a *API) who(r *http.Request) (name string, superuser bool, refusal string) {
	key, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return "", false, "Authentication credentials were not provided."
	}
	u, superuser, found := a.server.Bearer(key)
	if !found {
		return "", false, "Token invalid/expired"
	}
	return u.Username, superuser, ""
}

const noRight = "You do not have permission to perform this action."

// serve answers a request about one kind of object.
func (a *API) serve(w http.ResponseWriter, r *http.Request, k kind, rest string) {
	name, superuser, refusal := a.who(r)
	if refusal != "" {
		a.write(w, http.StatusForbidden, object{"detail": refusal})
		return
	}
	c := call{Request: r, api: a}
	if rest = strings.Trim(rest, "/"); rest != "" {
		c.rest = strings.Split(rest, "/")
	}
	text, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	readable := len(text) == 0 || json.Unmarshal(text, &c.body) == nil
	verb, does := k.operation(c)
	if does == nil {
		a.write(w, http.StatusMethodNotAllowed, object{"detail": "Method " + strconv.Quote(r.Method) + " not allowed."})
		return
	}
	if !superuser && !slices.Contains(a.Rights[name], strings.Replace(k.model, "%s", verb, 1)) {
		a.write(w, http.StatusForbidden, object{"detail": noRight})
		return
	}
	if !readable {
		status, body := a.unreadable(k, c)
		a.write(w, status, body)
		return
	}
	if verb != "view" && a.Before != nil && !a.Before(r) {
		panic(http.ErrAbortHandler)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	status, body := does(c)
	if verb != "view" && status < 300 {
		a.publish()
	}
	a.write(w, status, body)
}

// unreadable answers a request whose body is no JSON: authentik looks for the
// object first.
func (a *API) unreadable(k kind, c call) (int, any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(c.rest) > 0 && k.get != nil {
		if status, body := k.get(c); status == http.StatusNotFound {
			return status, body
		}
	}
	return http.StatusBadRequest, object{"detail": "JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}
}

// operation returns what a request asks for, and the verb of the right that it
// needs.
func (k kind) operation(c call) (verb string, does func(call) (int, any)) {
	switch {
	case len(c.rest) == 0 && c.Method == http.MethodGet:
		return "view", k.list
	case len(c.rest) == 0 && c.Method == http.MethodPost:
		return "add", k.add
	case c.Method == http.MethodGet:
		return "view", k.get
	case c.Method == http.MethodPatch:
		return "change", k.patch
	case c.Method == http.MethodDelete:
		return "delete", k.drop
	}
	return "", nil
}

func (a *API) write(w http.ResponseWriter, status int, body any) {
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	_, kind := a.server.Version()
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// page returns one page of a list.
func (c call) page(all []object) (int, any) {
	n, size := max(1, number(c.URL.Query().Get("page"))), number(c.URL.Query().Get("page_size"))
	if size <= 0 {
		size = 20
	}
	pages := max(1, (len(all)+size-1)/size)
	if n > pages {
		return http.StatusNotFound, object{"detail": "Invalid page."}
	}
	from, to := (n-1)*size, min(n*size, len(all))
	next, previous := 0, n-1
	if n < pages {
		next = n + 1
	}
	return http.StatusOK, object{
		"pagination": object{
			"next": next, "previous": previous, "count": len(all), "current": n, "total_pages": pages,
			"start_index": min(from+1, to), "end_index": to,
		},
		"results": append([]object{}, all[from:to]...),
	}
}

func number(text string) int { n, _ := strconv.Atoi(text); return n }
