package proxy

import (
	"net/http"
	"net/url"
	"testing"
)

// What is for one visitor is marked; what is for everyone is not.
func TestCache_OnlyResponsesToSignedInVisitorsAreMarked(t *testing.T) {
	t.Parallel()
	for cache, want := range map[Cache]string{"": "private, no-cache", CachePrivate: "private, no-cache", CacheOff: ""} {
		s := newSite(t, func(c *Config) { c.Cache, c.Open = cache, below("/open") })
		anyone, jane := s.person(t), s.person(t)
		jane.signIn("jane", "open sesame", "/")
		for _, tt := range []struct {
			p    *person
			path string
			want string
		}{{jane, "/wiki", want}, {jane, "/open/a", want}, {anyone, "/open/a", ""}} {
			if got := tt.p.open(tt.path); got.status != http.StatusOK || got.header.Get("Cache-Control") != tt.want {
				t.Errorf("cache %q, %s: got status %d, Cache-Control %q, want %q", cache, tt.path, got.status, got.header.Get("Cache-Control"), tt.want)
			}
		}
	}
}

func TestCache_IsClearedBySigningOut(t *testing.T) {
	t.Parallel()
	for cache, want := range map[Cache]string{CachePrivate: `"cache"`, CacheOff: ""} {
		for _, form := range []url.Values{{}, {"switch": {"1"}}} {
			s := newSite(t, func(c *Config) { c.Cache = cache })
			jane := s.person(t)
			jane.signIn("jane", "open sesame", "/")
			jane.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if got := jane.post("/.authentik/logout", form).header.Get("Clear-Site-Data"); got != want {
				t.Errorf("cache %s, %v: got Clear-Site-Data %q, want %q", cache, form, got, want)
			}
		}
	}
}
