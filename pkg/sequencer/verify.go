package sequencer

import (
	"bytes"
	"fmt"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Verifier makes every recorded decision again and compares. Feed it all frames of a journal from the first.
type Verifier struct {
	state   *dispatch.State
	encoder encoder

	Redecided int // commands decided again, with the same outcome byte for byte
	Skipped   int // commands of an older engine version, applied only
	Events    uint64
}

// NewVerifier returns a verifier that expects sequence 1.
func NewVerifier() *Verifier { return &Verifier{state: dispatch.New()} }

// State returns the state after the frames so far.
func (v *Verifier) State() *dispatch.State { return v.state }

// Frame checks the next frame. The error says what differs.
func (v *Verifier) Frame(f journal.Frame) error {
	rec, err := DecodeRecord(f.Payload)
	if err != nil {
		return err
	}
	events, err := rec.DecodeEvents()
	if err != nil {
		return err
	}
	if rec.Digest != v.state.Digest() {
		return fmt.Errorf("decided under configuration %.12s, but %.12s was in force", rec.Digest, v.state.Digest())
	}
	if rec.Engine != dispatch.EngineVersion {
		v.Skipped++
	} else if err := v.redecide(&rec, events); err != nil {
		return err
	}
	for i := range events {
		v.state.Apply(&events[i])
		if events[i].Type == dispatch.ConfigLoaded {
			if city, _ := plan.Load(events[i].Files); city != nil {
				v.state.UseCity(city)
			}
		}
	}
	v.Events += uint64(len(events))
	return nil
}

func (v *Verifier) redecide(rec *Record, events []dispatch.Event) error {
	c := rec.Command
	if c.Type == dispatch.LoadConfig {
		city, problems := plan.Load(events[0].Files)
		if city == nil {
			return fmt.Errorf("the configuration %.12s no longer compiles: %w", rec.Command.Digest, problems)
		}
		at := c.At
		c = dispatch.Configure(city)
		c.At = at
	}
	again, err := dispatch.Decide(v.state, &c)
	if err != nil {
		return fmt.Errorf("command %s decided again: %w", c.Type, err)
	}
	if len(again) != len(rec.Events) {
		return fmt.Errorf("command %s made %d events, decided again it makes %d", c.Type, len(rec.Events), len(again))
	}
	for i := range again {
		if got := v.encoder.encode(&again[i]); !bytes.Equal(got, rec.Events[i]) {
			return fmt.Errorf("event %d differs: recorded %s, decided again %s", again[i].Seq, rec.Events[i], got)
		}
	}
	v.Redecided++
	return nil
}
