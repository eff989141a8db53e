package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// MaxObjectives bounds the objectives of a city.
const MaxObjectives = 128

// Stage is a stage of an alert or task that is timed, and that an objective may be about.
type Stage string

// The stages: what the machine takes, and what people take.
const (
	StageAccepted Stage = "accepted" // since received
	StagePushed   Stage = "pushed"   // since accepted, to the sockets of screens
	StageDrawn    Stage = "drawn"    // since accepted, until a screen shows it

	StageAssigned     Stage = "assigned"     // since the incident was opened
	StageAcknowledged Stage = "acknowledged" // since assigned
	StageDeparted     Stage = "departed"     // since acknowledged
	StageOnScene      Stage = "on_scene"     // since assigned
	StageFinished     Stage = "finished"     // since assigned
	StageVerified     Stage = "verified"     // since the incident was opened
)

// Stages lists them in the order of an alert's way.
var Stages = []Stage{StageAccepted, StagePushed, StageDrawn, StageAssigned, StageAcknowledged, StageDeparted, StageOnScene, StageFinished, StageVerified}

// Machine reports whether a stage is the machine's alone.
func (s Stage) Machine() bool { return s == StageAccepted || s == StagePushed || s == StageDrawn }

// MachineBounds and HumanBounds are the latencies that an objective may ask for: the buckets of the histograms.
var (
	MachineBounds = []time.Duration{50 * time.Microsecond, 100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
		10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
	HumanBounds = []time.Duration{5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute, 64 * time.Second, 80 * time.Second, 90 * time.Second,
		106 * time.Second, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}
)

// Objective 时效目标 is a share of a stage that is to be within a time, and where that figure comes from.
type Objective struct {
	ID, Name, NameEN string
	Stage            Stage
	Priority         alert.Priority // 0: all
	Department       string         // "": all
	Class            alert.Class    // "": all
	Within           time.Duration  // one of the bounds of its kind of stage
	Share            float64        // above 0, below 1
	Basis            string         // the law, standard or house rule
}

const objectivesFile = "objectives.yaml"

// labels are what the histogram of each stage is divided by.
var labels = map[Stage]struct{ department, priority, class bool }{
	StageAccepted: {priority: true, class: true}, StageAssigned: {department: true, priority: true}, StageVerified: {priority: true, class: true},
	StageAcknowledged: {true, true, true}, StageDeparted: {true, true, true}, StageOnScene: {true, true, true}, StageFinished: {true, true, true},
}

func (l *loader) loadObjectives() {
	if l.files[objectivesFile] == nil {
		return
	}
	var raw struct {
		Objectives []struct {
			ID         str         `yaml:"id"`
			Name       str         `yaml:"name"`
			NameEN     str         `yaml:"name_en"`
			Stage      str         `yaml:"stage"`
			Priority   str         `yaml:"priority"`
			Department str         `yaml:"department"`
			Class      str         `yaml:"class"`
			Within     span        `yaml:"within"`
			Share      at[float64] `yaml:"share"`
			Basis      str         `yaml:"basis"`
		} `yaml:"objectives"`
	}
	if !l.decode(objectivesFile, &raw) {
		return
	}
	if n := len(raw.Objectives); n > MaxObjectives {
		l.problem(objectivesFile, raw.Objectives[MaxObjectives].ID.Line, "%d objectives: at most %d", n, MaxObjectives)
		return
	}
	seen := map[string]int{}
	for _, r := range raw.Objectives {
		if !l.id(objectivesFile, "objective", orAt(r.ID, r.Name), seen) {
			continue
		}
		o := &Objective{ID: r.ID.V, Name: r.Name.V, NameEN: r.NameEN.V, Stage: Stage(r.Stage.V), Department: r.Department.V, Class: alert.Class(r.Class.V), Within: r.Within.V, Share: r.Share.V, Basis: r.Basis.V}
		line := func(at int) int { return lineOr(at, r.ID.Line) }
		names := make([]string, len(Stages))
		for i, s := range Stages {
			names[i] = string(s)
		}
		if !l.among(objectivesFile, "stage", str{r.Stage.V, line(r.Stage.Line)}, names...) {
			continue
		}
		if r.Priority.V != "" {
			o.Priority = l.priority(objectivesFile, r.Priority)
		}
		by := labels[o.Stage]
		for _, x := range []struct {
			what string
			s    str
			may  bool
		}{{"priority", r.Priority, by.priority}, {"department", r.Department, by.department}, {"class", r.Class, by.class}} {
			if x.s.V != "" && !x.may {
				l.problem(objectivesFile, x.s.Line, "objective %q: stage %s is not divided by %s", o.ID, o.Stage, x.what)
			}
		}
		if o.Department != "" && l.city.departments[o.Department] == nil {
			l.problem(objectivesFile, r.Department.Line, "objective %q: no department %q", o.ID, o.Department)
		}
		if o.Class != "" && !o.Class.Valid() {
			l.problem(objectivesFile, r.Class.Line, "objective %q: class %q: want natural, accident, health or security", o.ID, o.Class)
		}
		bounds := HumanBounds
		if o.Stage.Machine() {
			bounds = MachineBounds
		}
		if !slices.Contains(bounds, o.Within) {
			l.problem(objectivesFile, line(r.Within.Line), "objective %q: within %v is not measured: want %s", o.ID, o.Within, durations(bounds))
		}
		if !(o.Share > 0 && o.Share < 1) {
			l.problem(objectivesFile, line(r.Share.Line), "objective %q: share is %v: want more than 0, less than 1", o.ID, o.Share)
		}
		if o.Name == "" || o.Basis == "" {
			l.problem(objectivesFile, r.ID.Line, "objective %q needs a name, and a basis: the law, standard or house rule its figure comes from", o.ID)
		}
		l.city.Objectives = append(l.city.Objectives, o)
	}
}

func durations(list []time.Duration) string {
	words := make([]string, len(list))
	for i, d := range list {
		words[i] = d.String()
	}
	return strings.Join(words, ", ")
}
