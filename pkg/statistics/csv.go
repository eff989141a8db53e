package statistics

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// bom tells spreadsheets that the file is UTF-8; without it they show Chinese as rubbish.
const bom = "\uFEFF"

// WriteCSV writes the rows of r, a line each, its total last. Times are seconds.
func (r *Report) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, bom); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	head := []string{r.By, "name", "from", "to"}
	head = append(head, CountNames[:]...)
	for _, s := range StageNames {
		head = append(head, s+"_n", s+"_median_s", s+"_p90_s")
	}
	_ = out.Write(head) // what fails is told by Error
	for _, row := range r.Rows {
		line := []string{plain(row.Key), plain(row.Name), "", ""}
		if row.From != nil {
			line[2], line[3] = row.From.Format(time.RFC3339), row.To.Format(time.RFC3339)
		}
		_ = out.Write(row.cells(line))
	}
	_ = out.Write(r.Total.cells([]string{"total", "合计", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339)}))
	out.Flush()
	return out.Error()
}

// plain keeps a spreadsheet from taking text for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (f *Figures) cells(line []string) []string {
	for _, name := range CountNames {
		line = append(line, strconv.FormatUint(f.Counts[name], 10))
	}
	for _, name := range StageNames {
		t, ok := f.Stages[name]
		if !ok {
			line = append(line, "0", "", "")
			continue
		}
		line = append(line, strconv.FormatUint(t.N, 10), seconds(t.MedianS), seconds(t.P90S))
	}
	return line
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 1, 64) }
