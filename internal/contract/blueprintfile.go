package contract

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// contextOf matches the context of a blueprint in a file.
var contextOf = regexp.MustCompile(`(?ms)^context:\n.*?^entries:$`)

// Fill replaces values in the context of a blueprint, as an administrator does
// who edits the file. Each value must have exactly one line there; otherwise Fill
// returns an error.
func Fill(blueprint []byte, values map[string]any) ([]byte, error) {
	at := contextOf.FindIndex(blueprint)
	if at == nil {
		return nil, errors.New("contract: the blueprint has no context before its entries")
	}
	context := blueprint[at[0]:at[1]]
	for name, v := range values {
		line := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + `:.*$`)
		if n := len(line.FindAll(context, -1)); n != 1 {
			return nil, fmt.Errorf("contract: the context of the blueprint has %d lines for %s, want 1", n, name)
		}
		value, err := scalar(v)
		if err != nil {
			return nil, fmt.Errorf("contract: %s: %w", name, err)
		}
		context = line.ReplaceAllLiteral(context, []byte("  "+name+": "+value))
	}
	return slices.Concat(blueprint[:at[0]], context, blueprint[at[1]:]), nil
}
