package authn

// A Refusal says why authentik does not accept the credential of a program. It
// is an ErrNotSignedIn. The reason is for the log; to the program all refusals
// look the same.
type Refusal struct {
	Reason string
	// Unasked says that authentik was not asked, because the credential cannot
	// be valid.
	Unasked bool
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Is makes a Refusal an ErrNotSignedIn.
func (r *Refusal) Is(target error) bool { return target == ErrNotSignedIn }
