package docs

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/flowsidecar/caddy-authentik/internal/contract"
)

// An entry is one entry of a blueprint with all tags resolved.
type entry struct {
	model, id, state   string
	identifiers, attrs map[string]any
}

type (
	keyOf string // the primary key of an earlier entry, by its id
	find  string // the primary key of an object in authentik: its model and identifiers
)

// resolve fills in the context of the blueprint, as an administrator does, and
// returns the entries whose conditions hold.
func resolve(t *testing.T, values map[string]any) []entry {
	t.Helper()
	filled, err := contract.Fill([]byte(read(t, blueprintFile)), values)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := readBlueprint(filled)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// readBlueprint reads the part of authentik's format that our file uses, and
// refuses everything else, aliases included.
func readBlueprint(text []byte) ([]entry, error) {
	var file struct {
		Version  int            `yaml:"version"`
		Metadata map[string]any `yaml:"metadata"`
		Context  map[string]any `yaml:"context"`
		Entries  []yaml.Node    `yaml:"entries"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, err
	}
	if name, _ := file.Metadata["name"].(string); file.Version != 1 || name == "" {
		return nil, fmt.Errorf("version %d, metadata %v", file.Version, file.Metadata)
	}
	r := resolver{context: file.Context, ids: map[string]bool{}}
	var entries []entry
	for i := range file.Entries {
		e, met, err := r.entry(&file.Entries[i])
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		if !met {
			continue
		}
		if r.ids[e.id] {
			return nil, fmt.Errorf("the id %q is used twice", e.id)
		}
		r.ids[e.id] = e.id != ""
		entries = append(entries, e)
	}
	return entries, nil
}

// A resolver holds the context and the ids of the entries read so far.
type resolver struct {
	context map[string]any
	ids     map[string]bool
}

func (r resolver) entry(n *yaml.Node) (e entry, met bool, err error) {
	var raw struct {
		Model       string      `yaml:"model"`
		ID          string      `yaml:"id"`
		State       string      `yaml:"state"`
		Conditions  []yaml.Node `yaml:"conditions"`
		Identifiers yaml.Node   `yaml:"identifiers"`
		Attrs       yaml.Node   `yaml:"attrs"`
	}
	text, err := yaml.Marshal(n) // a node decodes without looking for unknown fields
	if err != nil {
		return e, false, err
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	if err := decoder.Decode(&raw); err != nil {
		return e, false, err
	}
	for i := range raw.Conditions {
		v, err := r.value(&raw.Conditions[i])
		if err != nil || !truth(v) {
			return e, false, err
		}
	}
	identifiers, err := r.value(&raw.Identifiers)
	if err != nil {
		return e, false, err
	}
	e = entry{model: raw.Model, id: raw.ID, state: raw.State}
	if e.identifiers, _ = identifiers.(map[string]any); len(e.identifiers) == 0 {
		return e, false, fmt.Errorf("%s has no identifiers", e.model)
	}
	if raw.Attrs.IsZero() {
		return e, true, nil
	}
	attrs, err := r.value(&raw.Attrs)
	e.attrs, _ = attrs.(map[string]any)
	return e, true, err
}

// value returns the value of a node.
func (r resolver) value(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!Context":
		v, found := r.context[n.Value]
		if !found {
			return nil, fmt.Errorf("line %d: %q is not in the context", n.Line, n.Value)
		}
		return v, nil
	case "!KeyOf":
		if !r.ids[n.Value] {
			return nil, fmt.Errorf("line %d: no earlier entry has the id %q", n.Line, n.Value)
		}
		return keyOf(n.Value), nil
	case "!Format", "!Find", "!If":
		return r.call(n)
	}
	if !strings.HasPrefix(n.ShortTag(), "!!") {
		return nil, fmt.Errorf("line %d: unknown tag %s", n.Line, n.Tag)
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return r.list(n)
	case yaml.MappingNode:
		return r.mapping(n)
	case yaml.ScalarNode:
		var v any
		err := n.Decode(&v)
		return v, err
	default:
		return nil, fmt.Errorf("line %d: want a value, a list or a map", n.Line)
	}
}

func (r resolver) list(n *yaml.Node) ([]any, error) {
	var all []any
	for _, one := range n.Content {
		v, err := r.value(one)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (r resolver) mapping(n *yaml.Node) (map[string]any, error) {
	all := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("line %d: the name %s is used twice", n.Line, name)
		}
		v, err := r.value(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		all[name] = v
	}
	return all, nil
}

// call resolves the tags that have arguments. All arguments of !If are
// resolved, so that a mistake in either branch is found.
func (r resolver) call(n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: %s needs a list", n.Line, n.Tag)
	}
	args, err := r.list(n)
	if err != nil {
		return nil, err
	}
	wrong := fmt.Errorf("line %d: %s does not take the arguments %v", n.Line, n.Tag, args)
	switch n.Tag {
	case "!If":
		if len(args) != 3 {
			return nil, wrong
		}
		if truth(args[0]) {
			return args[1], nil
		}
		return args[2], nil
	case "!Format":
		format, _ := args[0].(string)
		if strings.Count(format, "%s") != len(args)-1 || strings.Count(format, "%") != len(args)-1 {
			return nil, wrong
		}
		return fmt.Sprintf(format, args[1:]...), nil
	default: // !Find
		found := fmt.Sprint(args[0])
		for _, known := range args[1:] {
			pair, _ := known.([]any)
			if len(pair) != 2 {
				return nil, wrong
			}
			found += fmt.Sprintf(" %v=%v", pair...)
		}
		return find(found), nil
	}
}

// truth reports whether Python treats a value as true.
func truth(v any) bool { return v != nil && v != false && v != "" && v != 0 }

// context returns the context of the unedited file.
func context(t *testing.T) map[string]any {
	t.Helper()
	var file struct {
		Context map[string]any `yaml:"context"`
	}
	if err := yaml.Unmarshal([]byte(read(t, blueprintFile)), &file); err != nil {
		t.Fatal(err)
	}
	return file.Context
}

// contextNames returns the names in the context, in their order.
func contextNames(t *testing.T) (names []string) {
	t.Helper()
	var file struct {
		Context yaml.Node `yaml:"context"`
	}
	if err := yaml.Unmarshal([]byte(read(t, blueprintFile)), &file); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(file.Context.Content); i += 2 {
		names = append(names, file.Context.Content[i].Value)
	}
	return names
}

func TestReadBlueprint_RefusesWhatAuthentikRefuses(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nmetadata:\n  name: x\ncontext:\n  a: b\nentries:\n"
	const first = "  - {model: m, id: one, identifiers: {name: x}}\n"
	for text, says := range map[string]string{
		"version: 2\nmetadata: {name: x}\n":                                            "version 2",
		"version: 1\n":                                                                 "metadata",
		"version: 1\nmetadata: {name: x}\nothers: 1\n":                                 "others",
		head + "  - {model: m, identifiers: {name: x}, attributes: {}}\n":              "attributes",
		head + "  - {model: m, identifiers: {}}\n":                                     "no identifiers",
		head + "  - {model: m, identifiers: {name: x, name: y}}\n":                     "twice",
		head + "  - {model: m, identifiers: {name: !Context c}}\n":                     `"c" is not in the context`,
		head + "  - {model: m, identifiers: {name: !KeyOf one}}\n" + first:             `no earlier entry has the id "one"`,
		head + first + first:                                                           `the id "one" is used twice`,
		head + "  - {model: m, identifiers: {name: !Env c}}\n":                         "unknown tag !Env",
		head + "  - {model: m, identifiers: {name: !Format [\"%s%s\", !Context a]}}\n": "!Format does not take",
		head + "  - {model: m, identifiers: {name: !Find [m, [name]]}}\n":              "!Find does not take",
		head + "  - {model: m, identifiers: {name: !If [!Context a, 1]}}\n":            "!If does not take",
	} {
		if _, err := readBlueprint([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error with %q for\n%s", err, says, text)
		}
	}
}
