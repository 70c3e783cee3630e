// Package qrcode draws QR codes as SVG.
package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the white border in modules (ISO/IEC 18004).
const quiet = 4

// A Code is the path of an SVG of Side by Side modules. It is drawn here, so
// that the secret in it is never sent to a third party.
type Code struct {
	Side int
	Path string
}

// Draw returns the QR code of content, or nil if content is too long.
func Draw(content string) *Code {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		drawRow(&path, code, y)
	}
	return &Code{Side: code.Size + 2*quiet, Path: path.String()}
}

// drawRow draws each run of dark modules in row y as one rectangle, which takes
// a quarter of the bytes that single modules would.
func drawRow(path *strings.Builder, code *qr.Code, y int) {
	for x := 0; x < code.Size; {
		if !code.Black(x, y) {
			x++
			continue
		}
		from := x
		for x < code.Size && code.Black(x, y) {
			x++
		}
		fmt.Fprintf(path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
	}
}
