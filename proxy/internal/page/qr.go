package page

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the white border a QR code needs, in modules (ISO/IEC 18004).
const quiet = 4

// A QR is a QR code as the page draws it: the path of an SVG of Side by
// Side modules. The secret in it is never sent to anybody else to be drawn.
type qrCode struct {
	Side int
	Path string
}

// drawQR returns the QR code of content, or none where content is too long.
func drawQR(content string) *qrCode {
	code, err := qr.Encode(content, qr.M)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		drawRow(&path, code, y)
	}
	return &qrCode{Side: code.Size + 2*quiet, Path: path.String()}
}

// drawRow draws the dark runs of row y, each as one rectangle: that is a
// quarter of the weight of single modules.
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
