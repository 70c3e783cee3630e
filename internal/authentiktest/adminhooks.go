package authentiktest

import (
	"maps"
	"slices"
)

// Bearer returns the user of an API key. It is for package adminapi, which has the
// administrators' API of this authentik.
func (s *Server) Bearer(key string) (u User, superuser, found bool) {
	u, found = s.keyholder(key)
	return u, found && s.superuser(u), found
}

// Version returns the version, as authentik itself writes it, and the content
// type of its API's answers.
func (s *Server) Version() (version, apiType string) { return s.dialect.version, s.dialect.apiType }

// Slugs returns the slugs of the flows, and what each is for.
func (s *Server) Slugs() map[string]Designation {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Designation, len(s.flows))
	for _, f := range s.flows {
		all[f.Slug] = or(f.Designation, DesignationAuthentication)
	}
	return all
}

// Groups returns the groups, those of users included.
func (s *Server) Groups() map[string]Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.groups)
}

// SetBrands replaces the brands. One of them must be the default brand.
func (s *Server) SetBrands(all []Brand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brands = slices.Clone(all)
}

// Applications returns the applications, and the providers without one.
func (s *Server) Applications() ([]Application, []Provider) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.apps), slices.Clone(s.spare)
}

// SetApplications replaces the applications, and the providers without one.
func (s *Server) SetApplications(apps []Application, spare []Provider) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps, s.spare = slices.Clone(apps), slices.Clone(spare)
}
