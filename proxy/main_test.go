package proxy

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// atOnce is how many tests run at a time, unless -parallel says otherwise. Most of
// them wait for a separate server, and not for a processor.
const atOnce = 8

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce))
	}
	os.Exit(m.Run())
}
