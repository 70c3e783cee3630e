package rooms

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRooms_AreSmall(t *testing.T) {
	t.Parallel()
	for _, dir := range Small {
		broken, err := CheckSizes(os.DirFS("../.."), dir)
		if err != nil {
			t.Error(err)
		}
		for _, sentence := range broken {
			t.Error(sentence)
		}
	}
}

func TestRooms_LargeOnesAreNoticed(t *testing.T) {
	t.Parallel()
	module := fstest.MapFS{
		"hall/small/a.go":    {Data: []byte(strings.Repeat("//\n", maxLines))},
		"hall/long.go":       {Data: []byte(strings.Repeat("//\n", maxLines+1))},
		"hall/long_test.go":  {Data: []byte(strings.Repeat("//\n", maxLines+1))},
		"hall/small/long.md": {Data: []byte(strings.Repeat("\n", maxLines+1))},
		"empty/readme.md":    {},
	}
	for i := range maxFiles {
		module[fmt.Sprintf("hall/%d.go", i)] = &fstest.MapFile{}
		module[fmt.Sprintf("hall/%d_test.go", i)] = &fstest.MapFile{}
	}
	broken, err := CheckSizes(module, "hall")
	if want := "hall/long.go has 351 lines and may have 350: give a noun in it a file of its own\n" +
		"hall has 21 source files and may have 20: give a noun in it a room of its own"; strings.Join(broken, "\n") != want || err != nil {
		t.Errorf("got %q, %v, want %q", broken, err, want)
	}
	if _, err := CheckSizes(module, "empty"); err == nil {
		t.Error("got no error for a directory without sources, want one")
	}
}
