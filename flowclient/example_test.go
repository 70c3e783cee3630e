package flowclient_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/flowsidecar/caddy-authentik/flowclient"
)

// standIn is a small authentik: it asks for a user name, then for a password.
func standIn() *httptest.Server {
	const executor = "/api/v3/flows/executor/login/"
	asked := `{"component":"ak-stage-identification","user_fields":["username"],"primary_action":"Log in"}`
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+executor, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, asked) })
	mux.HandleFunc("POST "+executor, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.Contains(string(body), "uid_field"):
			asked = `{"component":"ak-stage-password","pending_user":"jane"}`
		case strings.Contains(string(body), "correct horse"):
			asked = `{"component":"xak-flow-redirect","to":"/"}`
		default:
			_, _ = io.WriteString(w, `{"component":"ak-stage-password","pending_user":"jane","response_errors":{"password":[{"string":"Invalid password","code":"invalid"}]}}`)
			return
		}
		w.Header().Set("Location", r.RequestURI)
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /api/v3/core/users/me/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"user":{"pk":7,"username":"jane","name":"Jane Doe","uid":"4f2c","is_active":true}}`)
	})
	return httptest.NewServer(mux)
}

// signIn walks through a flow until authentik says who has signed in.
func signIn(ctx context.Context, client *flowclient.Client, ask func(question string) string) (flowclient.User, error) {
	visitor := flowclient.Visitor{Language: "en"}
	step, err := client.Ask(ctx, visitor, flowclient.Flow{Slug: "login"})
	for err == nil {
		visitor.Cookies = step.Cookies
		for _, wrong := range step.Challenge.Common().Errors {
			fmt.Println(wrong[0].Text)
		}
		var answer flowclient.Answer
		switch c := step.Challenge.(type) {
		case flowclient.Identification:
			answer = flowclient.IdentificationAnswer{UID: ask("User name?")}
		case flowclient.Password:
			answer = flowclient.PasswordAnswer{Password: ask("Password of " + c.PendingUser + "?")}
		case flowclient.AuthenticatorValidate:
			answer = flowclient.ValidateCodeAnswer{Code: ask("Code?")}
		case flowclient.Redirect:
			// The end of a flow does not prove a sign-in. User does.
			return client.User(ctx, visitor)
		default:
			return flowclient.User{}, fmt.Errorf("no answer to %s", c.Component())
		}
		step, err = client.Answer(ctx, visitor, step.Flow, answer)
	}
	return flowclient.User{}, err
}

// A sign-in is a loop: show the challenge, send the answer.
func Example() {
	authentik := standIn()
	defer authentik.Close()
	where, err := url.Parse(authentik.URL)
	if err != nil {
		log.Fatal(err)
	}
	client, err := flowclient.New(flowclient.Config{URL: where})
	if err != nil {
		log.Fatal(err)
	}
	typed := []string{"jane", "guess", "correct horse"}
	user, err := signIn(context.Background(), client, func(question string) string {
		answer := typed[0]
		typed = typed[1:]
		fmt.Println(question)
		return answer
	})
	fmt.Println(user.Name, err)
	// Output:
	// User name?
	// Password of jane?
	// Invalid password
	// Password of jane?
	// Jane Doe <nil>
}

func ExampleDecode() {
	challenge, err := flowclient.Decode([]byte(`{"component":"ak-stage-prompt","fields":[{"field_key":"email","label":"E-mail","type":"email"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	if form, ok := challenge.(flowclient.Prompt); ok {
		fmt.Println(form.Fields[0].Label, form.Fields[0].Type)
	}
	// Output: E-mail email
}

func ExampleRedirect_Class() {
	for _, to := range []string{"/", "/application/o/authorize/?client_id=x", "https://www.example.com/", "javascript:alert(1)"} {
		challenge, err := flowclient.Decode([]byte(`{"component":"xak-flow-redirect","to":"` + to + `"}`))
		if err != nil {
			log.Fatal(err)
		}
		if r, ok := challenge.(flowclient.Redirect); ok {
			fmt.Println(r.Class())
		}
	}
	// Output:
	// finished
	// application
	// external
	// forbidden
}
