package authentiktest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
)

// pictures replace authentik's own and do not look like them.
func pictures() map[string]static {
	return map[string]static{
		defaultLogo:       {"image/svg+xml", []byte(logo)},
		defaultFavicon:    {"image/png", icon()},
		defaultBackground: {"image/jpeg", hills()},
		defaultAvatar:     {"image/png", icon()},
	}
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40" width="190" height="40" role="img" aria-label="stand-in">
<rect x="1" y="6" width="34" height="28" rx="7" fill="#d9480f"/><circle cx="13" cy="20" r="5" fill="#fff"/><path d="M18 18h12v4h-3v4h-4v-4h-5z" fill="#fff"/>
<text x="46" y="28" font-family="system-ui,sans-serif" font-size="24" font-weight="700" fill="#d9480f">stand-in</text></svg>
`

func icon() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		m.Set(i%32, i/32, color.RGBA{217, 72, 15, 255})
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m) // a buffer does not fail
	return b.Bytes()
}

// hills is a landscape: a sky and two ranges.
func hills() []byte {
	const width, height = 640, 400
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		far, near := 250-(x-400)*(x-400)/1600, 330-(x-150)*(x-150)/1200
		for y := range height {
			m.Set(x, y, landscape(y, y > far, y > near))
		}
	}
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, nil) // a buffer does not fail
	return b.Bytes()
}

func landscape(y int, far, near bool) color.Color {
	switch shade := uint8(y / 4); {
	case near:
		return color.RGBA{38, 70 + shade/4, 83, 255}
	case far:
		return color.RGBA{76, 120 + shade/3, 140, 255}
	default:
		return color.RGBA{150 + shade, 180 + shade/2, 215, 255}
	}
}
