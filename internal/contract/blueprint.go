package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Blueprint lists objects that an authentik is to have. An entry may refer to
// earlier ones.
type Blueprint struct {
	Name    string
	Entries []Entry
	// Later are objects that a scenario creates. [Blueprint.Removal] includes them.
	Later []Entry
}

// An Entry is one object in authentik. It is looked up by its identifiers, and
// created from them and its attributes.
type Entry struct {
	Model       string // authentik's name of the model, such as authentik_core.user
	ID          string // by which later entries refer to this one; may be empty
	Identifiers Attrs
	Attrs       Attrs
}

// Attrs are attributes by name: a JSON value, a [KeyOf], a [Find], or a list of
// these.
type Attrs map[string]any

// KeyOf is the key of an earlier entry, by its ID.
type KeyOf string

// Find is the key of an object that authentik has already.
type Find struct{ Model, Field, Value string }

// YAML returns the blueprint as YAML for authentik. Every value is written as
// JSON, which is YAML too, after its tag if it has one.
func (b Blueprint) YAML() ([]byte, error) { return b.yaml(b.Entries, "present") }

// Removal returns the blueprint that removes the objects of this one, the latest
// first. authentik deletes an entry that depends on another one along with that.
// Users are removed first: authentik keeps a stage while a user has one of its
// devices.
func (b Blueprint) Removal() ([]byte, error) {
	var users, others []Entry
	for _, e := range slices.Backward(slices.Concat(b.Entries, b.Later)) {
		gone := Entry{Model: e.Model, Identifiers: e.Identifiers}
		switch {
		case e.Model == userModel:
			users = append(users, gone)
		case !e.needsOthers():
			others = append(others, gone)
		}
	}
	return b.yaml(append(users, others...), "absent")
}

// userModel is authentik's model of a user.
const userModel = "authentik_core.user"

// needsOthers reports whether this entry is identified by other entries.
func (e Entry) needsOthers() bool {
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

// scalar returns a value as YAML on one line.
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
