package replay

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// Counts are what became of the rows so far. After a run, Rows is the sum of all others but Noted.
type Counts struct {
	Rows        int // read, the header left out
	Accepted    int // by the server, for the first time
	Duplicates  int // that the server had accepted before
	Refused     int // by the server
	RefusedHere int // not sent: the mapping or the file does not say what to send
	Failed      int // no answer that counts, or given up
	Unsent      int // not tried, or cut short, as the run ended early
	Noted       int // of those accepted and duplicates: something was left out or sent as it stands
}

// Summary is what became of a replay.
type Summary struct {
	Counts
	Retries   int // posts beyond the first of a row
	Incidents int // different incidents the rows came to
	MostRows  int // of one incident
	Tasks     int // made by the rows accepted
	Refs      int // different incident_refs accepted
	SplitRefs int // of those, in more than one incident: 0, or the server is wrong
	Elapsed   time.Duration
	// Time from sending a row to its acceptance, waits before another attempt left out; right to 3%.
	P50, P90, P99, Max time.Duration
	MostBehind         time.Duration // how late a row was posted, where the replay is paced
	Reasons            []Reason      // why rows were not accepted, or noted; at most MaxReasons and one "other" a kind
}

// Reason is why rows were refused, given up or noted.
type Reason struct {
	Kind     Kind
	Code     string // of the server's answer
	Field    string // of the alert; several where a row broke several rules
	Count    int
	Examples []Trouble // the first rows
}

// RowsPerIncident is the mean; 0 if there are none.
func (s *Summary) RowsPerIncident() float64 {
	if s.Incidents == 0 {
		return 0
	}
	return float64(s.Accepted+s.Duplicates) / float64(s.Incidents)
}

// PerSecond is how many rows were answered a second, however.
func (s *Summary) PerSecond() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Accepted+s.Duplicates+s.Refused) / s.Elapsed.Seconds()
}

// Write prints s for a person.
func (s *Summary) Write(w io.Writer) error {
	b := bufio.NewWriter(w)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(b, "%-22s %s\n", label, fmt.Sprintf(format, args...))
	}
	row("rows", "%d in %s, %.0f a second answered", s.Rows, round(s.Elapsed), s.PerSecond())
	row("accepted", "%d", s.Accepted)
	row("duplicates", "%d", s.Duplicates)
	row("refused", "%d by the server, %d here", s.Refused, s.RefusedHere)
	row("failed", "%d, %d retries", s.Failed, s.Retries)
	if s.Unsent > 0 {
		row("unsent", "%d", s.Unsent)
	}
	row("incidents", "%d, rows an incident: mean %.2f, most %d", s.Incidents, s.RowsPerIncident(), s.MostRows)
	row("tasks made", "%d", s.Tasks)
	row("incident_refs", "%d, in more than one incident: %d", s.Refs, s.SplitRefs)
	row("latency", "p50 %s, p90 %s, p99 %s, max %s", round(s.P50), round(s.P90), round(s.P99), round(s.Max))
	if s.MostBehind > 0 {
		row("most behind schedule", "%s", round(s.MostBehind))
	}
	for _, r := range s.Reasons {
		r.write(b)
	}
	return b.Flush()
}

func (r *Reason) write(b *bufio.Writer) {
	fmt.Fprintf(b, "\n%s", r.Kind)
	if r.Kind == noted {
		b.WriteString(" (accepted all the same)")
	}
	if r.Code != "" {
		b.WriteString(", " + r.Code)
	}
	if r.Field != "" {
		b.WriteString(", " + r.Field)
	}
	fmt.Fprintf(b, ": %d\n", r.Count)
	for _, e := range r.Examples {
		fmt.Fprintf(b, "  %s\n", e)
	}
}

// round keeps what a person reads.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
