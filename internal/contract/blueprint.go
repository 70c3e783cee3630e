package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Blueprint is a list of what an authentik is to have. An entry may refer to
// those before it.
type Blueprint struct {
	Name    string
	Entries []Entry
	// Later are objects that come about afterwards, and go with the rest.
	Later []Entry
}

// An Entry is one object in authentik. It is found by its identifiers, and made
// of them and of its attributes.
type Entry struct {
	Model       string // of authentik, with its application
	ID          string // by which later entries refer to this one; may be empty
	Identifiers Attrs
	Attrs       Attrs
}

// Attrs are attributes by their names: JSON values, a [KeyOf], a [Find], or a list
// with those.
type Attrs map[string]any

// KeyOf is the key of an earlier entry, by its ID.
type KeyOf string

// Find is the key of what is in authentik already.
type Find struct{ Model, Field, Value string }

// YAML is the blueprint as authentik reads it. Every value is written as JSON,
// which is YAML too; tags stand before it.
func (b Blueprint) YAML() ([]byte, error) { return b.yaml(b.Entries, "present") }

// Removal is the blueprint that takes away what this one has brought, the latest
// first. What hangs on other entries goes with them. Users go before all else:
// authentik keeps a stage as long as somebody has a device of it.
func (b Blueprint) Removal() ([]byte, error) {
	var users, others []Entry
	for _, e := range slices.Backward(slices.Concat(b.Entries, b.Later)) {
		gone := Entry{Model: e.Model, Identifiers: e.Identifiers}
		switch {
		case e.Model == userModel:
			users = append(users, gone)
		case !e.hangs():
			others = append(others, gone)
		}
	}
	return b.yaml(append(users, others...), "absent")
}

// userModel is what authentik calls users.
const userModel = "authentik_core.user"

// hangs reports whether other entries are needed to find this one.
func (e Entry) hangs() bool {
	for _, v := range e.Identifiers {
		if _, ok := v.(KeyOf); ok {
			return true
		}
	}
	return false
}

func (b Blueprint) yaml(entries []Entry, state string) ([]byte, error) {
	var out bytes.Buffer
	name, err := scalar(b.Name)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&out, "version: 1\nmetadata:\n  name: %s\nentries:\n", name)
	for _, e := range entries {
		fmt.Fprintf(&out, "  - model: %s\n    state: %s\n", e.Model, state)
		if e.ID != "" {
			fmt.Fprintf(&out, "    id: %s\n", e.ID)
		}
		if err := writeAttrs(&out, "identifiers", e.Identifiers); err != nil {
			return nil, fmt.Errorf("contract: %s: %w", e.Model, err)
		}
		if err := writeAttrs(&out, "attrs", e.Attrs); err != nil {
			return nil, fmt.Errorf("contract: %s: %w", e.Model, err)
		}
	}
	return out.Bytes(), nil
}

func writeAttrs(out *bytes.Buffer, name string, attrs Attrs) error {
	if len(attrs) == 0 {
		return nil
	}
	fmt.Fprintf(out, "    %s:\n", name)
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		value, err := scalar(attrs[key])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		fmt.Fprintf(out, "      %s: %s\n", key, value)
	}
	return nil
}

// scalar writes a value on one line.
func scalar(v any) (string, error) {
	switch v := v.(type) {
	case KeyOf:
		return "!KeyOf " + string(v), nil
	case Find:
		value, err := scalar(v.Value)
		return fmt.Sprintf("!Find [%s, [%s, %s]]", v.Model, v.Field, value), err
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			part, err := scalar(one)
			if err != nil {
				return "", err
			}
			parts[i] = part
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	default:
		text, err := json.Marshal(v)
		return string(text), err
	}
}
