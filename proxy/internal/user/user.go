// Package user has what authentik says about a user, and the table of claims
// that headers, placeholders and requirements read.
package user

// User is what authentik says about the user who is signed in.
type User struct {
	Username string `json:"username"`
	Name     string `json:"name,omitempty"`
	Email    string `json:"email,omitempty"`
	// UID is authentik's permanent identifier of the user.
	UID    string   `json:"uid"`
	Groups []string `json:"groups,omitempty"`
	// Attributes are those that authentik sends about the user. Without OpenID
	// Connect there are few or none.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Claims are the claims of OpenID Connect in addition to the fields above.
	Claims map[string]any `json:"claims,omitempty"`
}
