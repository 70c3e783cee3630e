package headers

import "slices"

// open are the claims whose values an operator may see. Attributes and other
// claims may be passwords for an application.
var open = []string{"username", "id", "name", "email", "uid", "groups", "groups|", "session", application, providerKeys}

// A Told is a header that the application gets. Shown says that Value is set
// and that an operator may see it.
type Told struct {
	Name, Value string
	Shown       bool
}

// Told returns the headers that the application gets: prepared ones, and those
// that are made for each request, whose values are not known yet.
func (h *Headers) Told(prepared []Header) (all []Told) {
	for _, rule := range h.rules {
		if rule.Value != nil {
			all = append(all, Told{Name: rule.Name})
		}
	}
	for _, line := range prepared {
		i := slices.IndexFunc(h.rules, func(rule Rule) bool { return rule.Value == nil && rule.Name == line.Name })
		if i < 0 || h.rules[i].Of != nil || !slices.Contains(open, h.rules[i].Claim) {
			all = append(all, Told{Name: line.Name})
			continue
		}
		all = append(all, Told{line.Name, line.Value, true})
	}
	return all
}
