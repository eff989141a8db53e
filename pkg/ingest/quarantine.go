package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// maxReasons bounds the reasons that are kept with a message in quarantine.
const maxReasons = 8

// hold puts a message that could not be mapped into quarantine.
func (d *Door) hold(ctx context.Context, src *plan.Source, m *Message, why []alert.Field) pending {
	d.Hear(src.ID, 0)
	held := &dispatch.Held{ID: m.ID, Kind: m.Kind, Raw: m.Raw, Headers: m.Headers, Operation: m.Operation, Target: m.Target}
	if m.Body != nil && (m.Kind != "" && m.Kind != "json" || len(m.Raw) == 0) {
		held.Body, _ = json.Marshal(m.Body) // decoded from bytes: encodes again
	}
	sum := sha256.Sum256(append([]byte(m.Operation+"\x00"+m.Target+"\x00"), content(m)...))
	held.Digest = hex.EncodeToString(sum[:10])
	if len(held.Raw) > MaxMessageBytes || len(held.Body) > 2*MaxMessageBytes {
		return pending{result: refused(alert.Errorf(alert.CodeTooLarge, "the message is longer than %d bytes", MaxMessageBytes))}
	}
	reason := reasonOf(why, !src.Sealed())
	if src.Sealed() {
		plain, err := json.Marshal(held)
		if err != nil {
			return pending{result: refused(err)}
		}
		held = &dispatch.Held{Kind: m.Kind, Digest: d.o.Keyring.Digest(held.Digest), Sealed: d.o.Keyring.Seal(heldOf(src.ID), []string{"message"}, plain)}
	}
	wait, err := d.o.Engine.Submit(ctx, dispatch.Command{Type: dispatch.SourceAct, Action: alert.ActQuarantine, Target: src.ID, Reason: reason, Held: held})
	if err != nil {
		return pending{result: refused(err)}
	}
	return pending{wait: wait, held: true, result: Result{Status: Quarantined, Reason: reason}}
}

// warnEvery is how often the log says that messages leave a source's quarantine unseen.
const warnEvery = time.Hour

// warn logs that the quarantine of a source is full, once in a while.
func (d *Door) warn(source string) {
	if d.o.Logger == nil {
		return
	}
	var status dispatch.SourceStatus
	d.o.State.Read(func(st *dispatch.State) { status = st.SourceStatus(source) })
	if status.Lost == 0 {
		return
	}
	now, p := d.o.Now(), d.pulse(source)
	p.mu.Lock()
	again := !p.warned.IsZero() && now.Sub(p.warned) < warnEvery
	if !again {
		p.warned = now
	}
	p.mu.Unlock()
	if !again {
		d.o.Logger.Warn("a quarantine is full, its oldest messages give way: mend the profile and replay it", "source", source, "held", len(status.Held), "gone", status.Lost)
	}
}

// heldOf is what a sealed message in quarantine belongs to.
func heldOf(source string) string { return "quarantine/" + source }

// reasonOf words why a message could not be mapped; what is sealed is named by field alone.
func reasonOf(why []alert.Field, open bool) string {
	words := make([]string, 0, min(len(why), maxReasons))
	for i, f := range why {
		if i == maxReasons {
			words = append(words, fmt.Sprintf("and %d more", len(why)-i))
			break
		}
		text := "is not as the profile wants it"
		if open {
			text = f.Reason
		}
		if f.Field != "" {
			text = f.Field + ": " + text
		}
		words = append(words, text)
	}
	return shortened(strings.Join(words, "; "), alert.MaxReasonBytes)
}

// Replayed is what became of a message in quarantine.
type Replayed struct {
	Seq uint64 // of the event that holds it
	Result
}

// Replay maps messages in quarantine again, all of them or those named, oldest first; what can be mapped now leaves.
func (d *Door) Replay(ctx context.Context, source string, seqs []uint64, by *alert.Actor) ([]Replayed, error) {
	src, err := d.source(source)
	if err != nil {
		return nil, err
	}
	var status dispatch.SourceStatus
	d.o.State.Read(func(st *dispatch.State) { status = st.SourceStatus(source) })
	wanted := map[uint64]bool{}
	for _, seq := range seqs {
		wanted[seq] = true
	}
	var out []Replayed
	var left []uint64
	for _, h := range status.Held {
		if len(wanted) > 0 && !wanted[h.Seq] {
			continue
		}
		r := d.replay(ctx, src, h.Seq)
		if r.Status != Refused && r.Status != Quarantined {
			left = append(left, h.Seq)
		}
		out = append(out, Replayed{h.Seq, r})
		if ctx.Err() != nil {
			break
		}
	}
	if len(left) == 0 {
		return out, nil
	}
	wait, err := d.o.Engine.Submit(ctx, dispatch.Command{Type: dispatch.SourceAct, Action: alert.ActRelease, Target: source, Seqs: left, By: by})
	if err == nil {
		_, err = wait(ctx)
	}
	return out, err
}

// replay maps one message again.
func (d *Door) replay(ctx context.Context, src *plan.Source, seq uint64) Result {
	m, err := d.held(src, seq)
	if err != nil {
		return refused(err)
	}
	if mapped := Map(src, &m); len(mapped.Problems) > 0 {
		return Result{Status: Quarantined, Reason: reasonOf(mapped.Problems, !src.Sealed())}
	}
	p := d.submit(ctx, src, &m)
	return d.finish(ctx, src, &p)
}

// held reads a message in quarantine back.
func (d *Door) held(src *plan.Source, seq uint64) (Message, error) {
	events, err := d.o.History.Events(seq)
	if err != nil || len(events) == 0 || events[0].Held == nil {
		return Message{}, fmt.Errorf("event %d holds no message: %w", seq, err)
	}
	h := events[0].Held
	if h.Sealed != nil {
		plain, err := d.o.Keyring.Open(heldOf(src.ID), h.Sealed)
		if err != nil {
			return Message{}, err
		}
		if err := json.Unmarshal(plain, h); err != nil {
			return Message{}, err
		}
	}
	m := Message{ID: h.ID, Kind: h.Kind, Raw: h.Raw, Headers: h.Headers, Operation: h.Operation, Target: h.Target}
	from := h.Body
	if len(from) == 0 {
		from = h.Raw
	}
	if m.Body, err = decode(from, 2*MaxMessageBytes); err != nil {
		m.Body = nil // it was none when it came
	}
	return m, nil
}
