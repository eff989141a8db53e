package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

func sourceCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "source", Short: "Try and draft the profiles of sources; docs/sources.md tells how a department joins"}
	cmd.AddCommand(sourceTestCommand(), sourceInferCommand())
	return cmd
}

func sourceTestCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "test FILE SAMPLE...",
		Short: "Show what would become of sample messages, field by field, and why not",
		Long: `Show what would become of sample messages: what each rule of the profile yields, and what the centre
would do. Samples are taken in their order by one centre that holds nothing else, so a change or an all-clear
after its alarm shows what it does. Where the profile has a layer, its fields are shown too, and what the layer would
then show. Nothing is written anywhere.

A sample is a file of JSON (an object, or a list of them), NDJSON or CSV (with a line of names); - is standard input.
For a profile with transport cap or feed it is a CAP message (XML), for one with transport cloudevents events in the JSON
format (one, or a batch), and it is read as the server would read it; but for signatures, whose certificates lie in the
data folder: all count as unverified here.

Exits with 0 if every sample was mapped, with 1 if one was not or the profile has a mistake.`,
		Example: `  banyan source test configs/fuzhou/sources/tunnel-fans.yaml samples/*.json
  banyan source test --city configs/fuzhou drafts/tunnel-fans.yaml samples/day.ndjson
  banyan source test configs/fuzhou/sources/weather-cap.yaml configs/fuzhou/sources/samples/weather-cap/rainstorm.xml
  tail -1 day.ndjson | banyan source test configs/fuzhou/sources/tunnel-fans.yaml -`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			city, src, err := cityWith(cmd, dir, args[0])
			if err != nil {
				return err
			}
			r := newRehearsal(city, time.Now)
			bad, total := 0, 0
			for _, name := range args[1:] {
				samples, err := readSamplesOf(city, src, name, cmd.InOrStdin())
				if err != nil {
					return err
				}
				for _, s := range samples {
					total++
					if !r.show(cmd.OutOrStdout(), src, s) {
						bad++
					}
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %d samples are mapped\n", total-bad, total)
			if bad > 0 {
				return errSaid
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "city", "", "folder of the city; absent: the one the profile lies in")
	return cmd
}

// cityWith compiles the city with the profile in file as one of its sources.
func cityWith(cmd *cobra.Command, dir, file string) (*plan.City, *plan.Source, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	if dir == "" {
		if dir = filepath.Dir(filepath.Dir(file)); filepath.Base(filepath.Dir(file)) != "sources" {
			return nil, nil, fmt.Errorf("%s lies in no city's sources: --city names the folder of the city", file)
		}
	}
	id := strings.TrimSuffix(filepath.Base(file), ".yaml")
	city, err := app.ReadCityWith(dir, "sources/"+id+".yaml", b)
	var problems plan.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(cmd.ErrOrStderr(), "%v\n", p)
		}
		return nil, nil, fmt.Errorf("the profile does not fit the city in %s: %d mistakes", dir, len(problems))
	}
	if err != nil {
		return nil, nil, err
	}
	src, _ := city.Source(id)
	return city, src, nil
}

// rehearsal is a centre in memory that decides as the real one does, and keeps nothing.
type rehearsal struct {
	city   *plan.City
	door   *ingest.Door
	state  *dispatch.State
	events []dispatch.Event
	now    func() time.Time
	at     time.Time // when the layers are looked at: a sample's reading is of the past
}

func newRehearsal(city *plan.City, now func() time.Time) *rehearsal {
	r := &rehearsal{city: city, state: dispatch.New(), now: now, at: now()}
	r.door = ingest.New(ingest.Options{Engine: r, State: r, History: r, Keyring: ingest.NewKeyring(), Layers: layer.New(func() time.Time { return r.at }), Now: now})
	if _, err := r.decide(dispatch.Configure(city)); err != nil {
		panic(err) // a compiled configuration is always taken
	}
	return r
}

func (r *rehearsal) decide(c dispatch.Command) (sequencer.Outcome, error) {
	c.At = max(alert.TimeOf(r.now()), r.state.Now())
	events, err := dispatch.Decide(r.state, &c)
	if err != nil {
		return sequencer.Outcome{}, err
	}
	for i := range events {
		r.state.Apply(&events[i])
	}
	r.events = append(r.events, events...)
	if len(events) == 0 {
		return sequencer.Outcome{Known: r.state.KnownBy(&c)}, nil
	}
	return sequencer.Outcome{Events: events}, nil
}

// Submit implements ingest.Engine.
func (r *rehearsal) Submit(_ context.Context, c dispatch.Command) (func(context.Context) (sequencer.Outcome, error), error) {
	out, err := r.decide(c)
	return func(context.Context) (sequencer.Outcome, error) { return out, err }, nil
}

// Read implements ingest.State.
func (r *rehearsal) Read(f func(*dispatch.State)) { f(r.state) }

// Events implements ingest.History.
func (r *rehearsal) Events(seq uint64) ([]dispatch.Event, error) {
	for i := range r.events {
		if r.events[i].Seq == seq {
			return r.events[i : i+1], nil
		}
	}
	return nil, fmt.Errorf("no event %d", seq)
}

// show prints what becomes of one sample, and reports whether it was mapped.
func (r *rehearsal) show(w io.Writer, src *plan.Source, s sample) bool {
	fmt.Fprintf(w, "%s\n", s.name)
	if s.err != nil {
		fmt.Fprintf(w, "  refused: %v\n\n", s.err)
		return false
	}
	mapped := ingest.Map(src, &s.message)
	if src.Mapping != nil {
		fmt.Fprintf(w, "  %-24s %s\n", "operation", mapped.Operation)
	}
	for _, f := range mapped.Fields {
		switch {
		case f.Name == "operation":
		case f.Err != nil:
			fmt.Fprintf(w, "  %-24s line %d: %v\n", f.Name+" ✗", f.Line, f.Err)
		case f.Value == nil:
			fmt.Fprintf(w, "  %-24s (absent)\n", f.Name)
		default:
			fmt.Fprintf(w, "  %-24s %s\n", f.Name, shown(f.Value))
		}
	}
	if r.at = r.now(); mapped.Layer != nil && !mapped.Layer.At.IsZero() {
		r.at = mapped.Layer.At
	}
	placed := shownPlace(w, src, &mapped)
	before := len(r.events)
	result := r.door.Take(context.Background(), src.ID, []ingest.Message{s.message})[0]
	fmt.Fprintf(w, "  → %s%s\n", result.Status, orNothing(": ", result.Reason))
	for _, e := range r.events[before:] {
		if text := r.happens(&e); text != "" {
			fmt.Fprintf(w, "    %s\n", text)
		}
	}
	fmt.Fprintln(w)
	return placed && result.Status != ingest.Quarantined && result.Status != ingest.Refused
}

// shownPlace prints where a layer's register has the feature of a sample, and reports whether the layer can show it.
func shownPlace(w io.Writer, src *plan.Source, mapped *ingest.Mapped) bool {
	if mapped.Layer == nil {
		return true
	}
	if r := src.Layer.Register; r != nil {
		e, ok := r.Entry(mapped.Layer.Feature)
		if !ok {
			fmt.Fprintf(w, "  %-24s not in register %s: add it, or mend layer.feature\n", "layer.geometry ✗", r.ID)
			return false
		}
		kind := "Point"
		if e.Geometry != nil {
			kind = e.Geometry.Kind()
		}
		fmt.Fprintf(w, "  %-24s %s of register %s: %s\n", "layer.geometry", kind, r.ID, e.Name)
	}
	if mapped.Layer.At.IsZero() && len(mapped.LayerProblems) == 0 {
		fmt.Fprintf(w, "  %-24s when the message comes\n", "layer.at")
	}
	return len(mapped.LayerProblems) == 0
}

const shownBytes = 100 // of a value

func shown(v any) string {
	text := fmt.Sprint(v)
	if t, ok := v.(time.Time); ok {
		text = t.Format(time.RFC3339)
	}
	if len(text) > shownBytes {
		text = strings.ToValidUTF8(text[:shownBytes], "") + "…"
	}
	return text
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// happens words an event for whoever writes a profile.
func (r *rehearsal) happens(e *dispatch.Event) string {
	switch e.Type {
	case dispatch.IncidentOpened:
		i := e.Incident
		area := i.Areas[len(i.Areas)-1]
		if a, ok := r.city.Areas.Area(area); ok {
			area += " " + a.Name
		}
		text := fmt.Sprintf("opens %s, %s, in %s, plan %s", i.Type, i.Priority, area, i.Plan)
		if i.Location != nil {
			text += fmt.Sprintf(", at %.6f,%.6f (WGS-84)", i.Location.Lon, i.Location.Lat)
		}
		if i.OutsideCity {
			text += ", outside the city"
		}
		if i.Unconfirmed != nil {
			text += ", unconfirmed"
		}
		return text + sealedFields(e.Alert)
	case dispatch.AlertAttached:
		return "joins an incident: " + e.Reason + sealedFields(e.Alert)
	case dispatch.AlertUpdated, dispatch.AlertCancelled, dispatch.SourceQuarantined:
		return ""
	case dispatch.TaskAssigned, dispatch.TaskUnstaffed:
		return fmt.Sprintf("task of %s (%s)", e.Task.Department, e.Task.Role)
	case dispatch.IncidentPriority:
		return fmt.Sprintf("priority %s, was %s: %s", e.Priority, e.From, e.Reason)
	case dispatch.IncidentState:
		return fmt.Sprintf("the incident is %s: %s", e.State, e.Reason)
	case dispatch.IncidentConfirmed:
		return "confirmed: " + e.Reason
	case dispatch.RuleFailed:
		return fmt.Sprintf("rule %s fails: %s", e.Rule, e.Reason)
	}
	return ""
}

func sealedFields(a *alert.Alert) string {
	if a == nil || a.Sealed == nil {
		return ""
	}
	return "; sealed: " + strings.Join(a.Sealed.Fields, ", ")
}
