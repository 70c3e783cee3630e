package fault

import "testing"

// Failures without a remedy are those of one visitor or program, not of the
// operator.
func TestRemedy_ExistsForWhatOperatorsCanMend(t *testing.T) {
	t.Parallel()
	visitors := map[Code]bool{
		SignInRequired: true, VisitLost: true, VisitExpired: true, BadRequest: true, TooLarge: true, NotFound: true, MethodNotAllowed: true,
	}
	for _, code := range Codes() {
		if got := code.Remedy() == ""; got != visitors[code] {
			t.Errorf("%s: got no remedy: %v, want %v", code, got, visitors[code])
		}
	}
}
