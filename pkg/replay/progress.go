package replay

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// How often the progress is shown, and over how long its rate is measured.
const (
	barInterval  = 200 * time.Millisecond
	lineInterval = 5 * time.Second
	rateWindow   = 16 // intervals
	barWidth     = 30
)

// showProgress shows how far the run is until the function it returns is called.
func (r *run) showProgress() (stop func()) {
	w := r.o.Progress
	if w == nil {
		return func() {}
	}
	bar := isTerminal(w)
	interval := lineInterval
	if bar {
		interval = barInterval
	}
	var m meter
	show := func(last bool) {
		v := r.view()
		m.add(v.elapsed, v.done())
		v.rate = m.rate()
		if !bar {
			fmt.Fprintln(w, v.line())
			return
		}
		fmt.Fprint(w, "\r"+v.bar()+"\x1b[K") // and clear what the last one left behind
		if last {
			fmt.Fprintln(w)
		}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		t := time.NewTicker(interval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				show(false)
			case <-quit:
				show(true)
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-gone
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// meter measures a rate over the last few intervals.
type meter struct {
	at   [rateWindow]time.Duration
	rows [rateWindow]int
	n    int
}

func (m *meter) add(at time.Duration, rows int) {
	m.at[m.n%rateWindow], m.rows[m.n%rateWindow] = at, rows
	m.n++
}

func (m *meter) rate() float64 {
	first, last := max(0, m.n-rateWindow)%rateWindow, (m.n-1)%rateWindow
	if m.n < 2 {
		first = -1
	}
	var at time.Duration
	var rows int
	if first >= 0 {
		at, rows = m.at[first], m.rows[first]
	}
	if d := m.at[last] - at; d > 0 {
		return float64(m.rows[last]-rows) / d.Seconds()
	}
	return 0
}

// view is how far a run is at one instant.
type view struct {
	Counts
	elapsed  time.Duration
	rate     float64 // rows a second
	fraction float64 // done; 0 if unknown
	left     time.Duration
}

func (v *view) done() int { return v.Accepted + v.Duplicates + v.Refused + v.RefusedHere + v.Failed }

// view asks how far the run is: by the schedule where it is paced, else by how much of the file is read.
func (r *run) view() view {
	now := r.o.clock.Now()
	v := view{Counts: r.tally.counts(), elapsed: now.Sub(r.began)}
	if r.o.Speed > 0 {
		if p := r.pace.Load(); p != nil {
			v.fraction, v.left = p.progress(now)
		}
		return v
	}
	if v.fraction = r.src.fraction(); v.fraction > 0 {
		v.left = time.Duration(float64(v.elapsed) * (1 - v.fraction) / v.fraction)
	}
	return v
}

// bar is one line for a terminal.
func (v *view) bar() string {
	full := int(v.fraction * barWidth)
	s := fmt.Sprintf("[%s%s] %3.0f%%  %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), v.fraction*100, v.rest())
	if bad := v.Refused + v.RefusedHere + v.Failed; bad > 0 {
		s += fmt.Sprintf("  %d not accepted", bad)
	}
	return s
}

// line is one line for a file.
func (v *view) line() string {
	return fmt.Sprintf("%s  accepted %d, duplicates %d, refused %d, failed %d",
		v.rest(), v.Accepted, v.Duplicates, v.Refused+v.RefusedHere, v.Failed)
}

func (v *view) rest() string {
	s := fmt.Sprintf("%d rows  %.0f/s", v.done(), v.rate)
	if v.fraction > 0 && v.fraction < 1 {
		s += "  " + v.left.Round(time.Second).String() + " left"
	}
	return s
}
