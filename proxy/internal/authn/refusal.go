package authn

// A Refusal says why authentik does not accept what a program has shown. It is an
// ErrNotSignedIn. The reason is for the log: all refusals look the same to the
// program.
type Refusal struct {
	Reason string
	// Unasked says that authentik was not asked, since the credential cannot be
	// valid.
	Unasked bool
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Is makes a Refusal an ErrNotSignedIn.
func (r *Refusal) Is(target error) bool { return target == ErrNotSignedIn }
