package geo

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// PartitionResolution is the resolution of partitions: cells of 0.74 km², right to half a cell, 0.5 km.
const PartitionResolution = 8

// rounded keeps seven decimals of a degree, 11 mm.
func rounded(degrees float64) float64 { return math.Round(degrees*1e7) / 1e7 }

// Partition gives each cell of PartitionResolution to the shape its centre lies in, the first of several,
// and compacts each shape's cells. Shapes too small for a cell of their own get none.
func Partition(shapes []Shape) (map[string][]Cell, error) {
	taken := map[Cell]bool{}
	cells := make(map[string][]Cell, len(shapes))
	for _, s := range shapes {
		all, err := fill(s.Polygons, PartitionResolution)
		if err != nil {
			return nil, fmt.Errorf("area %q: %w", s.Code, err)
		}
		all = slices.DeleteFunc(all, func(c Cell) bool { return taken[c] })
		for _, c := range all {
			taken[c] = true
		}
		if cells[s.Code], err = compact(append(cells[s.Code], all...)); err != nil {
			return nil, fmt.Errorf("area %q: %w", s.Code, err)
		}
	}
	return cells, nil
}

const partitionHeader = "cell,area"

// WritePartition writes cells by area as CSV, ascending by area and cell, below the given comment lines.
func WritePartition(w io.Writer, cells map[string][]Cell, comments ...string) error {
	b := bufio.NewWriter(w)
	for _, c := range comments {
		fmt.Fprintf(b, "# %s\n", c)
	}
	fmt.Fprintln(b, partitionHeader)
	codes := make([]string, 0, len(cells))
	for code := range cells {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		for _, c := range cells[code] {
			fmt.Fprintf(b, "%s,%s\n", c, code)
		}
	}
	return b.Flush()
}

// AreaCells is what a partition says of one area.
type AreaCells struct {
	Code  string
	Line  int // where it first stands in the file
	Cells []Cell
}

// ReadPartition reads what WritePartition wrote. No cell may lie in another: errors name the line.
func ReadPartition(r io.Reader) ([]AreaCells, error) {
	var areas []AreaCells
	at := map[string]int{}
	lines := map[Cell]int{}
	s := bufio.NewScanner(r)
	line, header := 0, false
	for s.Scan() {
		line++
		text := strings.TrimSpace(s.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if !header {
			if header = text == partitionHeader; !header {
				return nil, fmt.Errorf("line %d: want the header %q", line, partitionHeader)
			}
			continue
		}
		hex, code, _ := strings.Cut(text, ",")
		c, err := ParseCell(hex)
		if err != nil || c.Resolution() > DispatchResolution || code == "" {
			return nil, fmt.Errorf("line %d: want an H3 cell of resolution %d or coarser, a comma and an area code", line, DispatchResolution)
		}
		if first, again := lines[c]; again {
			return nil, fmt.Errorf("line %d: cell %s stands on line %d already", line, c, first)
		}
		lines[c] = line
		i, ok := at[code]
		if !ok {
			i, at[code] = len(areas), len(areas)
			areas = append(areas, AreaCells{Code: code, Line: line})
		}
		areas[i].Cells = append(areas[i].Cells, c)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	}
	for c, line := range lines {
		for res := c.Resolution() - 1; res >= 0; res-- {
			if outer, ok := lines[c.Parent(res)]; ok {
				return nil, fmt.Errorf("line %d: cell %s lies in that of line %d", line, c, outer)
			}
		}
	}
	return areas, nil
}
