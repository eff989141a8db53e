package plan

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
)

// Bounds of registers.
const (
	MaxRegisters       = 32
	MaxRegisterEntries = 100_000 // of one
	MaxRegisterColumns = 24
	MaxRegisterValue   = 512      // bytes
	MaxRegisterWKT     = 16 << 10 // bytes of a geometry
	MaxNearM           = 5_000    // how far Near looks, in metres
)

// registerDir holds registers, one a file.
const registerDir = "registers/"

// Register is a list of what stands in the city and does not move: cameras, major hazards, schools. It is immutable.
type Register struct {
	ID      string
	Columns []string // of attributes, in file order
	Entries []*Entry // in file order

	cells map[geo.Cell][]*Entry
	byID  map[string]*Entry
}

// Entry is one line of a register.
type Entry struct {
	ID, Name   string
	Location   geo.Point         // WGS-84
	Geometry   *geo.Geometry     // of the column wkt; absent: the location
	Attributes map[string]string // the other columns that say something
}

// Near is an entry and how far away it is.
type Near struct {
	*Entry
	DistanceM float64
}

// Register returns the register with an id, such as cameras.
func (c *City) Register(id string) (*Register, bool) {
	r, ok := c.registers[id]
	return r, ok
}

// Entry returns the entry with an id.
func (r *Register) Entry(id string) (*Entry, bool) {
	e, ok := r.byID[id]
	return e, ok
}

// RegisterIDs returns the ids of the city's registers, in order.
func (c *City) RegisterIDs() []string {
	ids := make([]string, 0, len(c.registers))
	for id := range c.registers {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// Near returns the entries at most radiusM (no more than MaxNearM) from p, at most limit of them, the nearest first. It looks
// at the cells about p alone.
func (r *Register) Near(p geo.Point, radiusM float64, limit int) []Near {
	radiusM = min(radiusM, MaxNearM)
	const stepM = 200 // less than a step from cell to cell is anywhere on earth, in any direction
	var out []Near
	for _, c := range geo.CellAt(p).AppendDisk(nil, int(radiusM/stepM)+2) {
		for _, e := range r.cells[c] {
			if d := geo.DistanceM(p, e.Location); d <= radiusM {
				out = append(out, Near{e, d})
			}
		}
	}
	slices.SortFunc(out, func(a, b Near) int {
		switch {
		case a.DistanceM < b.DistanceM:
			return -1
		case a.DistanceM > b.DistanceM:
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out[:min(limit, len(out))]
}

// registerFile reports whether a file of a city is a register, and which.
func registerFile(name string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(name, registerDir)
	if !ok {
		return "", false
	}
	id, ok = strings.CutSuffix(rest, ".csv")
	return id, ok && !strings.Contains(id, "/") && !strings.HasPrefix(id, ".")
}

func (l *loader) loadRegisters() {
	if l.syntaxOnly {
		return
	}
	l.city.registers = map[string]*Register{}
	names := make([]string, 0, len(l.files))
	for name := range l.files {
		if _, ok := registerFile(name); ok {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	if len(names) > MaxRegisters {
		l.problem(names[MaxRegisters], 0, "%d registers: at most %d", len(names), MaxRegisters)
		return
	}
	for _, name := range names {
		id, _ := registerFile(name)
		if l.id(name, "register", str{id, 0}, map[string]int{}) {
			l.city.registers[id] = l.register(name, id)
		}
	}
}

// register reads one register: a line of names (id, name, lon, lat and others), a line an entry. A column wkt holds
// what a map draws of an entry. A comment "# datum: gcj02" before them says what positions are in; absent: WGS-84.
func (l *loader) register(file, id string) *Register {
	r := &Register{ID: id, cells: map[geo.Cell][]*Entry{}, byID: map[string]*Entry{}}
	data := bytes.TrimPrefix(l.files[file], []byte("\ufeff"))
	datum := l.registerDatum(file, data)
	in := csv.NewReader(bytes.NewReader(data))
	in.Comment = '#'
	at := map[string]int{}
	seen := map[string]int{}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			l.problem(file, wrong.Line, "%v", wrong.Err)
			return r
		}
		line, _ := in.FieldPos(0)
		if len(at) == 0 {
			if !l.registerColumns(file, line, row, at) {
				return r
			}
			r.Columns = slices.DeleteFunc(slices.Clone(row), func(c string) bool { return slices.Contains(registerOwn, c) })
			continue
		}
		if len(r.Entries) >= MaxRegisterEntries {
			l.problem(file, line, "a register has at most %d entries", MaxRegisterEntries)
			return r
		}
		if e := l.registerEntry(file, line, row, at, datum); e != nil {
			if before := seen[e.ID]; before > 0 {
				l.problem(file, line, "id %q is in line %d already", e.ID, before)
			}
			seen[e.ID] = line
			r.Entries = append(r.Entries, e)
			r.byID[e.ID] = e
			cell := geo.CellAt(e.Location)
			r.cells[cell] = append(r.cells[cell], e)
		}
	}
	if len(at) == 0 {
		l.problem(file, 1, "there is no line of names: want id,name,lon,lat and what else there is")
	}
	return r
}

// registerOwn are the columns that are no attributes.
var registerOwn = []string{"id", "name", "lon", "lat", columnWKT}

const columnWKT = "wkt"

// registerDatum reads the comment that names the datum, from the lines before the first that is none.
func (l *loader) registerDatum(file string, data []byte) geo.Datum {
	line := 0
	for text := range strings.Lines(string(data[:min(len(data), 4096)])) {
		line++
		comment, ok := strings.CutPrefix(text, "#")
		if !ok {
			break
		}
		if name, ok := strings.CutPrefix(strings.TrimSpace(comment), "datum:"); ok {
			datum := geo.Datum(strings.TrimSpace(name))
			if _, err := geo.ToWGS84(geo.Point{}, datum); err != nil {
				l.problem(file, line, "%v", err)
				return geo.WGS84
			}
			return datum
		}
	}
	return geo.WGS84
}

func (l *loader) registerColumns(file string, line int, row []string, at map[string]int) bool {
	before := len(l.problems)
	if len(row) > MaxRegisterColumns {
		l.problem(file, line, "%d columns: at most %d", len(row), MaxRegisterColumns)
		return false
	}
	for i, name := range row {
		if _, twice := at[name]; twice || name == "" {
			l.problem(file, line, "column %d is %q: want a name that no other column has", i+1, name)
		}
		at[name] = i
	}
	for _, name := range []string{"id", "name", "lon", "lat"} {
		if _, ok := at[name]; !ok {
			l.problem(file, line, "column %s is missing", name)
		}
	}
	return len(l.problems) == before
}

// registerEntry reads one line; nil where it has a mistake.
func (l *loader) registerEntry(file string, line int, row []string, at map[string]int, datum geo.Datum) *Entry {
	before := len(l.problems)
	e := &Entry{ID: row[at["id"]], Name: row[at["name"]]}
	if e.ID == "" || e.Name == "" {
		l.problem(file, line, "id and name must say something")
	}
	number := func(column string) float64 {
		v, err := strconv.ParseFloat(row[at[column]], 64)
		if err != nil {
			l.problem(file, line, "%s %.40q is not a number of degrees", column, row[at[column]])
		}
		return v
	}
	p := geo.Point{Lon: number("lon"), Lat: number("lat")}
	if err := p.Validate(); err != nil {
		l.problem(file, line, "%v", err)
	} else if e.Location, err = geo.ToWGS84(p, datum); err != nil {
		l.problem(file, line, "%v", err)
	}
	if i, ok := at[columnWKT]; ok && row[i] != "" {
		if len(row[i]) > MaxRegisterWKT {
			l.problem(file, line, "wkt: at most %d bytes", MaxRegisterWKT)
		} else if g, err := geo.ReadGeometry(row[i], datum); err != nil {
			l.problem(file, line, "wkt: %v", err)
		} else {
			e.Geometry = g
		}
	}
	for name, i := range at {
		if name == columnWKT {
			continue
		}
		if len(row[i]) > MaxRegisterValue || !utf8.ValidString(row[i]) {
			l.problem(file, line, "a value must be UTF-8, at most %d bytes", MaxRegisterValue)
			return nil
		}
		if slices.Contains(registerOwn, name) {
			continue
		}
		if row[i] != "" {
			if e.Attributes == nil {
				e.Attributes = map[string]string{}
			}
			e.Attributes[name] = row[i]
		}
		if scheme, rest, ok := strings.Cut(row[i], "://"); ok && !strings.Contains(scheme, " ") && strings.Contains(strings.SplitN(rest, "/", 2)[0], "@") {
			l.problem(file, line, "%s holds a password or user name: the configuration is kept in the journal, leave it out", name)
		}
	}
	if len(l.problems) > before {
		return nil
	}
	return e
}
