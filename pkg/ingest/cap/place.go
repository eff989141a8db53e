package cap

import (
	"regexp"
	"slices"
	"strings"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// nationalForm is the number of a warning on China's platform: area (6 digits), department and unit (3 each),
// kind (2), time and running number.
var nationalForm = regexp.MustCompile(`^(\d{6})[0-9A-Za-z]{8}_\d{14}(_\d+)?$`)

// Place is where a message is about, as a city sees it.
type Place struct {
	Areas     []string   // codes of districts, or of areas that a geocode names, ascending
	Area      string     // the smallest area that holds all of them; the city where the message says nothing of a place
	Cells     []geo.Cell // H3 cells that hold it
	Location  *geo.Point // of a circle that is a point, or nearly
	AccuracyM float64
	Elsewhere bool // it names places, and none is in this city
}

// pointRadiusM is the largest radius at which a circle is a position.
const pointRadiusM = 10_000

// Place finds what info blocks are about in a city.
func (m *Message) Place(city *geo.Index, infos []Info) (Place, error) {
	var p Place
	var polygons []geo.Polygon
	var circles []geo.Circle
	codes := 0
	for _, i := range infos {
		for _, a := range i.Areas {
			polygons, circles = append(polygons, a.Polygons...), append(circles, a.Circles...)
			for _, g := range a.Geocodes {
				if !digits(g.Value) || notChinese[strings.ToUpper(g.Name)] {
					continue
				}
				codes++
				if code := known(city, g.Value); code != "" {
					p.Areas = append(p.Areas, code)
				}
			}
		}
	}
	shapes := len(polygons)+len(circles) > 0
	if !shapes && codes == 0 {
		if id := nationalForm.FindStringSubmatch(m.Identifier); id != nil {
			codes++
			if code := known(city, id[1]); code != "" {
				p.Areas = append(p.Areas, code)
			}
		}
	}
	var err error
	if shapes {
		if p.Cells, err = geo.Cover(polygons, circles, alert.MaxCoverCells); err != nil {
			return p, err
		}
		p.Areas = append(p.Areas, city.Touched(p.Cells, geo.District)...)
	}
	slices.Sort(p.Areas)
	p.Areas = slices.Compact(p.Areas)
	if len(p.Areas) > alert.MaxCoverAreas {
		p.Areas = []string{city.Root()}
	}
	p.Elsewhere = len(p.Areas) == 0 && (shapes || codes > 0)
	p.Area = holding(city, p.Areas)
	if !shapes {
		for _, code := range p.Areas {
			cells, err := city.Cover(code, alert.MaxCoverCells/len(p.Areas))
			if err != nil {
				return p, err
			}
			p.Cells = append(p.Cells, cells...)
		}
		slices.Sort(p.Cells)
	}
	if len(circles) == 1 && len(polygons) == 0 && circles[0].RadiusM <= pointRadiusM {
		p.Location, p.AccuracyM = &circles[0].Centre, circles[0].RadiusM
	}
	return p, nil
}

// notChinese are names of geocodes whose digits are of other countries.
var notChinese = map[string]bool{"SAME": true, "FIPS": true, "FIPS6": true, "UGC": true}

func digits(s string) bool {
	return len(s) >= 6 && len(s) <= 15 && strings.Trim(s, "0123456789") == ""
}

// known finds the area that a code of 6, 9 or 12 digits means: itself, the one it lies in, or, where the whole city
// lies in it, the city.
func known(city *geo.Index, code string) string {
	for _, n := range []int{len(code), 12, 9, 6} {
		if n <= len(code) && strings.Trim(code[n:], "0") == "" {
			if _, ok := city.Area(code[:n]); ok {
				return code[:n]
			}
		}
	}
	for _, n := range []int{12, 9, 6} { // a street or community that the city does not tell apart
		if n < len(code) {
			if _, ok := city.Area(code[:n]); ok {
				return code[:n]
			}
		}
	}
	wide := code
	for len(wide) >= 2 && strings.HasSuffix(wide, "00") {
		wide = wide[:len(wide)-2]
	}
	root := city.Root()
	if strings.HasPrefix(root, wide) || strings.HasPrefix(code, strings.TrimRight(root, "0")) && len(strings.TrimRight(root, "0")) >= 4 {
		return root
	}
	return ""
}

// holding is the deepest area that holds all of codes.
func holding(city *geo.Index, codes []string) string {
	var common []string
	for i, code := range codes {
		path, _ := city.Path(code)
		if i == 0 {
			common = path
			continue
		}
		n := 0
		for n < len(common) && n < len(path) && common[n] == path[n] {
			n++
		}
		common = common[:n]
	}
	if len(common) == 0 {
		return city.Root()
	}
	return common[len(common)-1]
}
