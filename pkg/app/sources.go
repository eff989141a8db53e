package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// source finds a source of the configuration in force.
func (a *App) source(id string) (src *plan.Source, ok bool) {
	a.seq.Replica().Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			src, ok = city.Source(id)
		}
	})
	return src, ok
}

// openDoor makes the door that sources' messages come through, and the keys that seal what nobody may see.
func (a *App) openDoor() (err error) {
	if a.keyring, err = ingest.OpenKeyring(filepath.Join(a.o.AccessDir, ingest.KeyringFile)); err != nil {
		return err
	}
	a.layers = layer.New(time.Now)
	o := ingest.Options{Engine: doorway{a}, State: a.seq.Replica(), History: recorded{a.log}, Keyring: a.keyring, Layers: a.layers, Now: time.Now, Logger: a.o.Logger}
	if a.traces != nil {
		o.Trace = a.traces.Message
	}
	a.door = ingest.New(o)
	a.ears = &listener{seq: a.seq, door: a.door, now: time.Now, quiet: func(st *dispatch.State, source string) bool {
		_, out := st.SourceMaintenance(source, alert.TimeOf(time.Now()))
		return out
	}}
	a.metrics.Gauges(sourceFamilies, a.sourceReadings)
	a.metrics.Gauges(layerFamilies, a.layerReadings)
	return nil
}

// sourceFamilies are what sourceReadings reads, in this order. There are as many series as configured sources.
var sourceFamilies = []telemetry.Family{
	{Name: "banyan_source_silent", Help: "1 while nothing is heard of a source for longer than its heartbeat.", Labels: []string{"source"}},
	{Name: "banyan_source_last_heard_seconds", Help: "Unix time of the last sign of life since the server began.", Labels: []string{"source"}},
	{Name: "banyan_source_messages_per_second", Help: "Messages of a source, over the last minute or two.", Labels: []string{"source"}},
	{Name: "banyan_source_refused", Help: "Messages of a source refused since the server began.", Labels: []string{"source"}},
	{Name: "banyan_source_quarantined", Help: "Messages of a source in quarantine.", Labels: []string{"source"}},
	{Name: "banyan_source_quarantine_lost", Help: "Messages that gave way to newer ones in quarantine; the journal has them.", Labels: []string{"source"}},
}

// sourceReadings reads the health of every source that was ever heard or has something in quarantine.
func (a *App) sourceReadings() [][]telemetry.Reading {
	out := make([][]telemetry.Reading, len(sourceFamilies))
	a.seq.Replica().Read(func(st *dispatch.State) {
		city := st.City()
		if city == nil {
			return
		}
		for _, src := range city.Sources {
			h, status := a.door.Health(src.ID), st.SourceStatus(src.ID)
			silent := 0.0
			if status.Silent != 0 {
				silent = 1
			}
			if h.LastHeard.IsZero() && silent == 0 && len(status.Held) == 0 {
				continue
			}
			heard := 0.0
			if !h.LastHeard.IsZero() {
				heard = float64(h.LastHeard.UnixMilli()) / 1000
			}
			for i, v := range []float64{silent, heard, h.PerSecond, float64(h.Errors), float64(len(status.Held)), float64(status.Lost)} {
				out[i] = append(out[i], telemetry.Reading{Value: v, Labels: []string{src.ID}})
			}
		}
	})
	return out
}

// Reload reads the configuration and the keys that seal from disk again and puts them in force, the whole
// configuration or none of it. The error is an *alert.Error that names every mistake with file and line.
func (a *App) Reload(ctx context.Context) (digest string, err error) {
	if a.gateway != nil {
		a.o.Logger.Info("a gateway has the configuration of the node that leads: nothing to reload here")
		return "", alert.Errorf(alert.CodeConflict, "a gateway has the configuration of the node that leads: reload it there")
	}
	if a.o.CityDir == "" {
		return "", alert.Errorf(alert.CodeConflict, "this server was not told where its configuration lies: restart it")
	}
	city, err := ReadCity(a.o.CityDir)
	var problems plan.Problems
	if errors.As(err, &problems) {
		a.o.Logger.Error("the configuration is not reloaded; the one in force stays", "mistakes", len(problems), "first", problems[0].String())
		return "", mistakes(problems)
	}
	if err == nil {
		err = a.keyring.Reload()
	}
	if err != nil {
		a.o.Logger.Error("the configuration is not reloaded; the one in force stays", "error", err)
		return "", alert.Errorf(alert.CodeUnavailable, "the configuration is not reloaded; the one in force stays: %v", err)
	}
	if _, err := a.seq.Do(ctx, dispatch.Configure(city)); err != nil {
		return "", err
	}
	a.o.Logger.Info("configuration in force", "digest", city.Digest[:12])
	return city.Digest, nil
}

// maxMistakes bounds the mistakes that one answer names.
const maxMistakes = 50

func mistakes(problems plan.Problems) *alert.Error {
	e := &alert.Error{Code: alert.CodeInvalid, Detail: fmt.Sprintf("the configuration has %d mistakes; the one in force stays", len(problems))}
	for _, p := range problems[:min(len(problems), maxMistakes)] {
		field := p.File
		if p.Line > 0 {
			field = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		e.Fields = append(e.Fields, alert.Field{Field: field, Reason: p.Message})
	}
	return e
}

// listener tells the engine which sources have fallen silent, and which are heard again. It decides nothing.
type listener struct {
	seq   *sequencer.Sequencer
	door  *ingest.Door
	now   func() time.Time
	quiet func(st *dispatch.State, source string) bool // under maintenance: silence means nothing
}

// listenEvery is how often silence is looked for.
const listenEvery = time.Second

// run listens until ctx ends. What was heard before the server began is not known: every source has its heartbeat's
// time to be heard again.
func (l *listener) run(ctx context.Context) {
	began := l.now()
	every(ctx, listenEvery, func() {
		for _, c := range l.due(began) {
			// A refusal means that things have changed meanwhile; the next look sees them.
			_, _ = l.seq.Do(ctx, c)
		}
	})
}

// due returns the commands that silence calls for.
func (l *listener) due(began time.Time) []dispatch.Command {
	now := l.now()
	var commands []dispatch.Command
	l.seq.Replica().Read(func(st *dispatch.State) {
		city := st.City()
		if city == nil {
			return
		}
		for _, src := range city.Sources {
			status := st.SourceStatus(src.ID)
			if src.Heartbeat == 0 && status.Silent == 0 {
				continue
			}
			last := l.door.Health(src.ID).LastHeard
			silent := src.Heartbeat > 0 && now.Sub(later(last, began)) > src.Heartbeat && !l.quiet(st, src.ID)
			c := dispatch.Command{Type: dispatch.SourceAct, Target: src.ID}
			switch {
			case silent && status.Silent == 0:
				c.Action, c.Reason = alert.ActLose, silence(src, last, city.Zone)
			case !silent && status.Silent != 0 && (last.After(status.Silent.Std()) || src.Heartbeat == 0 || l.quiet(st, src.ID)):
				c.Action = alert.ActFind
			default:
				continue
			}
			commands = append(commands, c)
		}
	})
	return commands
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// silence words what is missing, for whoever gets the incident.
func silence(src *plan.Source, last time.Time, zone *time.Location) string {
	since := "since the server began"
	if !last.IsZero() {
		since = "since " + last.In(zone).Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("%s (%s): nothing is heard %s; a sign of life is expected every %v", src.Name, src.ID, since, src.Heartbeat)
}
