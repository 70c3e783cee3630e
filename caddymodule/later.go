package caddymodule

import "fmt"

// later names the options that are foreseen and not there yet, and what to do
// instead. They are refused: an option that is read and has no effect would
// leave a site open that its owner believes closed.
var later = map[string]string{
	"open": "write a matcher that leaves these paths out: @closed not path <path>, then authentik @closed <url>",
	"only": "write a matcher: authentik <path> <url>, for several paths with a named matcher",
}

// notYet says that option is not there yet and what to write instead, or
// returns nil for an option that never will be.
func notYet(option string) error {
	if instead, found := later[option]; found {
		return fmt.Errorf("%s is not there yet; %s", option, instead)
	}
	return nil
}
