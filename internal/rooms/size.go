package rooms

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	// maxFiles is how many source files a room may have, and maxLines how long one
	// may be: more than that is not read in one go.
	maxFiles = 20
	maxLines = 350
)

// Small are the rooms that must stay small, with all below them.
var Small = []string{"caddymodule", "proxy"}

// CheckSizes returns a sentence for every room below a directory that has too many
// source files, and for every file that is too long. Tests do not count.
func CheckSizes(module fs.FS, dir string) (broken []string, err error) {
	count := map[string]int{}
	err = fs.WalkDir(module, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		count[path.Dir(name)]++
		text, err := fs.ReadFile(module, name)
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			broken = append(broken, fmt.Sprintf("%s has %d lines and may have %d: give a noun in it a file of its own", name, lines, maxLines))
		}
		return err
	})
	if err == nil && len(count) == 0 {
		err = fmt.Errorf("%s has no sources", dir)
	}
	for _, room := range slices.Sorted(maps.Keys(count)) {
		if n := count[room]; n > maxFiles {
			broken = append(broken, fmt.Sprintf("%s has %d source files and may have %d: give a noun in it a room of its own", room, n, maxFiles))
		}
	}
	return broken, err
}
