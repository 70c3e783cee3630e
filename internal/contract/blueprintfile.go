package contract

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// contextOf finds the context of a blueprint in a file.
var contextOf = regexp.MustCompile(`(?ms)^context:\n.*?^entries:$`)

// Fill writes values over those that a blueprint in a file has in its context, one
// line each, as an administrator does who edits it.
func Fill(blueprint []byte, values map[string]any) ([]byte, error) {
	at := contextOf.FindIndex(blueprint)
	if at == nil {
		return nil, errors.New("contract: a blueprint without a context before its entries")
	}
	context := blueprint[at[0]:at[1]]
	for name, v := range values {
		line := regexp.MustCompile(`(?m)^  ` + regexp.QuoteMeta(name) + `:.*$`)
		if n := len(line.FindAll(context, -1)); n != 1 {
			return nil, fmt.Errorf("contract: the context has %d lines for %s", n, name)
		}
		value, err := scalar(v)
		if err != nil {
			return nil, fmt.Errorf("contract: %s: %w", name, err)
		}
		context = line.ReplaceAllLiteral(context, []byte("  "+name+": "+value))
	}
	return slices.Concat(blueprint[:at[0]], context, blueprint[at[1]:]), nil
}
