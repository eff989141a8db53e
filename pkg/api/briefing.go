package api

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"sort"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

//go:embed briefing.html
var briefingFiles embed.FS

// words are what the page calls counts, stages and states: Chinese first.
var words = map[string]string{
	"incidents": "事件 incidents", "alerts": "警情 alerts", "closed": "结案 closed", "cancelled": "作废 cancelled", "tasks": "任务 tasks",
	"acknowledged": "签收 acknowledged", "done": "办结 done", "returned": "退回 returned", "unstaffed": "无人值守 unstaffed",
	"overdue": "超时 overdue", "escalated": "升级 escalated",
	"report": "报告 report", "acknowledge": "签收 acknowledge", "depart": "出动 depart", "arrive": "到场 arrive", "finish": "办结 finish", "verify": "核查 verify",
	"open": "立案", "handling": "处置中", "verifying": "待核查", "suspended": "挂账",
}

// barsShown is how many rows of a chart there are; the rest is in the CSV.
const barsShown = 15

// bar is a line of a chart; Width is in percent of the longest.
type bar struct {
	Label  string
	N      uint64
	Width  float64
	Median string
	P90    string
}

// briefingPage is what the template is given.
type briefingPage struct {
	*statistics.Briefing
	Counts []string
	Stages []string
	zone   *time.Location
	city   *plan.City
}

// writeBriefing writes a briefing as a page to print: nothing is loaded, no script runs.
func writeBriefing(w io.Writer, b *statistics.Briefing, c *plan.City) error {
	p := briefingPage{b, statistics.CountNames[:], statistics.StageNames[:], c.Zone, c}
	t, err := template.New("briefing.html").Funcs(template.FuncMap{"word": word, "took": took, "change": change}).ParseFS(briefingFiles, "briefing.html")
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

func word(s any) string {
	key := fmt.Sprint(s)
	if w, ok := words[key]; ok {
		return w
	}
	return key
}

// took writes seconds as people say them.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f 秒", seconds)
	case d < time.Hour:
		return fmt.Sprintf("%d 分 %02d 秒", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d 小时 %02d 分", int(d.Hours()), int(d.Minutes())%60)
}

// change says how much more or less there is than before.
func change(now, before uint64) string {
	switch {
	case before == 0:
		return "—"
	case now == before:
		return "±0"
	}
	return fmt.Sprintf("%+.0f%%", 100*(float64(now)/float64(before)-1))
}

// When writes an instant by the city's clock.
func (p briefingPage) When(t any) string {
	switch t := t.(type) {
	case time.Time:
		return t.In(p.zone).Format("01-02 15:04")
	case alert.Time:
		if t.IsZero() {
			return ""
		}
		return t.Std().In(p.zone).Format("01-02 15:04:05")
	}
	return ""
}

// Department returns the name of a department.
func (p briefingPage) Department(id string) string {
	if d, ok := p.city.Department(id); ok {
		return d.Name
	}
	return id
}

// TypeName returns the name of an incident type.
func (p briefingPage) TypeName(code string) string {
	if t, ok := p.city.Type(code); ok {
		return t.Name
	}
	return code
}

// Bars makes a chart of a count of rows, largest first unless they are times.
func (p briefingPage) Bars(count string, rows []statistics.Row) []bar {
	rows = append([]statistics.Row(nil), rows...)
	longest := uint64(1)
	for _, r := range rows {
		longest = max(longest, r.Counts[count])
	}
	if len(rows) > 0 && rows[0].From == nil {
		sort.SliceStable(rows, func(i, j int) bool { return rows[i].Counts[count] > rows[j].Counts[count] })
		rows = rows[:min(len(rows), barsShown)]
	}
	out := make([]bar, len(rows))
	for i, r := range rows {
		b := bar{Label: r.Key, N: r.Counts[count], Width: 100 * float64(r.Counts[count]) / float64(longest)}
		if r.From != nil {
			b.Label = r.From.In(p.zone).Format("15:04")
		}
		if r.Name != "" {
			b.Label = r.Name
		}
		if s, ok := r.Stages["acknowledge"]; ok {
			b.Median, b.P90 = took(s.MedianS), took(s.P90S)
		}
		out[i] = b
	}
	return out
}
