//go:build unix

package doctor

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByAnother returns the owner of a file, if the owner is another user.
func ownedByAnother(info fs.FileInfo) (owner uint32, another bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return s.Uid, int64(s.Uid) != int64(os.Geteuid())
}
