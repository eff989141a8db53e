// Command bench has peers do the work of Banyan, or the part of it that they do, beside banyan serve itself: in one
// run, on one machine, with the same bytes posted and as many receivers. Each service is a process of its own, is
// started anew for each measurement, and what it keeps when it has answered is said in each row.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/bench"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// driver is a run.
type driver struct {
	banyan  string // the program
	cityDir string
	city    *plan.City
	kind    string // type of alerts
	root    string // folder of all that is made
	rounds  int    // how often each is measured, in turn
	events  int    // one after the other
	length  time.Duration
	screens []int
	rates   []int
	hall    int // screens at a rate
	memory  int // screens whose memory is measured
	table   table
}

// part is something to compare.
type part struct {
	name, about string
	run         func(*driver, context.Context) error
}

var parts = []part{
	{"fanout", "one event to the last of N idle screens", (*driver).fanouts},
	{"open", "events due at a fixed rate, to the last of many screens", (*driver).opens},
	{"memory", "memory of a service for each screen that is connected", (*driver).memories},
	{"notify", "alert to webhook, beside Alertmanager", (*driver).notifies},
	{"area", "areas of a position and what is near it, beside PostGIS and Redis", (*driver).areas},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	d := &driver{}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	asChild := flag.String("child", "", "run one of the libraries as a service; for this program itself")
	which := flag.String("parts", strings.Join(names, ","), "what to compare")
	flag.StringVar(&d.banyan, "banyan", "../bin/banyan", "the program to measure")
	flag.StringVar(&d.cityDir, "city", "../configs/fuzhou", "folder of the city's configuration")
	data := flag.String("data", "", "folder on the disk to measure; the system's temporary one if absent")
	flag.IntVar(&d.rounds, "rounds", 3, "how often each is measured, all in turn; the median counts")
	flag.IntVar(&d.events, "events", 150, "events one after the other")
	flag.DurationVar(&d.length, "for", 4*time.Second, "length of each measurement at a rate")
	screens := flag.String("screens", "1,100,1000,5000", "screens for one event after the other")
	rates := flag.String("rates", "100,500,1000", "alerts a second")
	flag.IntVar(&d.hall, "hall", 1000, "screens at a rate")
	flag.IntVar(&d.memory, "memory", 2000, "screens whose memory is measured")
	flag.Parse()
	if *asChild != "" {
		return child(*asChild)
	}
	if d.screens, err = numbersOf(*screens); err == nil {
		d.rates, err = numbersOf(*rates)
	}
	if err != nil {
		return err
	}
	if d.city, err = app.ReadCity(d.cityDir); err != nil {
		return err
	}
	kind, _ := bench.Patient(d.city)
	d.kind = kind.Code
	if d.root, err = os.MkdirTemp(*data, "banyan-peers-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.root)) }()
	if err := os.Chmod(d.root, 0o755); err != nil { // PostgreSQL runs as its own user where this runs as root
		return err
	}
	if files := bench.RaiseFiles(); files < 2*uint64(slices.Max(d.screens)) {
		fmt.Printf("only %d files may be open: `ulimit -n` bounds the screens\n", files)
		d.screens = slices.DeleteFunc(d.screens, func(n int) bool { return uint64(2*n) > files })
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for name := range strings.SplitSeq(*which, ",") {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("no part %q: want %s", name, strings.Join(names, ", "))
		}
		began := time.Now()
		fmt.Printf("\n%s: %s\n", parts[i].name, parts[i].about)
		if err := parts[i].run(d, ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("  (took %v)\n", time.Since(began).Round(time.Second))
	}
	d.table.print()
	return nil
}

// numbersOf reads a list with commas.
func numbersOf(list string) (out []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		var n int
		if _, err := fmt.Sscanf(text, "%d", &n); err != nil || n < 1 {
			return nil, fmt.Errorf("%q: want numbers from 1, with commas", list)
		}
		out = append(out, n)
	}
	return out, nil
}
