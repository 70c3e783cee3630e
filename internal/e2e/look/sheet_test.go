package look

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"slices"
	"strings"
	"sync"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// A sheet shows many pages small, side by side, for a person to look at. Its
// zero value is empty.
type sheet struct {
	mu   sync.Mutex
	rows []row
	errs []error
}

// A row is one page, seen in several ways.
type row struct {
	name  string
	views []image.Image
}

// Sizes of a contact sheet, in pixels.
const (
	sheetHeight  = 300 // of one view
	sheetGap     = 8
	sheetLabel   = 18
	sheetColumns = 2 // rows that are side by side
)

// add puts the screenshots of a page on the sheet.
func (s *sheet) add(name string, shots [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := row{name: name}
	for _, shot := range shots {
		full, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			s.errs = append(s.errs, err)
			continue
		}
		size := full.Bounds().Size()
		small := image.NewRGBA(image.Rect(0, 0, size.X*sheetHeight/size.Y, sheetHeight))
		xdraw.ApproxBiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
		r.views = append(r.views, small)
	}
	s.rows = append(s.rows, r)
}

// save writes the sheet to a file beside the tests, which Git ignores.
func (s *sheet) save(file string) error {
	slices.SortFunc(s.rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	width := 0
	for _, r := range s.rows {
		width = max(width, r.width())
	}
	lines := (len(s.rows) + sheetColumns - 1) / sheetColumns
	whole := image.NewRGBA(image.Rect(0, 0, width*sheetColumns, lines*(sheetHeight+sheetLabel+sheetGap)))
	draw.Draw(whole, whole.Bounds(), image.NewUniform(color.Gray{Y: 0x80}), image.Point{}, draw.Src)
	for i, r := range s.rows {
		r.draw(whole, image.Pt(i%sheetColumns*width, i/sheetColumns*(sheetHeight+sheetLabel+sheetGap)))
	}
	var out bytes.Buffer
	err := png.Encode(&out, whole)
	return errors.Join(append(s.errs, err, os.WriteFile(file, out.Bytes(), 0o600))...)
}

func (r row) width() int {
	w := sheetGap
	for _, v := range r.views {
		w += v.Bounds().Dx() + sheetGap
	}
	return w
}

func (r row) draw(on draw.Image, at image.Point) {
	label := font.Drawer{Dst: on, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(at.X+sheetGap, at.Y+13)}
	label.DrawString(r.name)
	at = at.Add(image.Pt(sheetGap, sheetLabel))
	for _, v := range r.views {
		draw.Draw(on, v.Bounds().Add(at), v, image.Point{}, draw.Src)
		at.X += v.Bounds().Dx() + sheetGap
	}
}
