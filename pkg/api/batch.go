package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// BatchResult is the answer to one line of a batch: a receipt, or a problem.
type BatchResult struct {
	Line   int `json:"line"` // counted from 1
	Status int `json:"status"`
	*dispatch.Receipt
	Problem *Problem `json:"problem,omitempty"`
}

// append writes the answer as a line; the one for what was accepted without reflection.
func (r *BatchResult) append(b []byte) ([]byte, error) {
	if r.Receipt == nil {
		refused, err := json.Marshal(r)
		return append(append(b, refused...), '\n'), err
	}
	o := alert.Object{B: b}
	o.Int("line", r.Line)
	o.Int("status", r.Status)
	r.Receipt.AppendMembers(&o)
	return append(o.End(), '\n'), nil
}

// pending is a line whose outcome is on its way.
type pending struct {
	line int
	wait func(context.Context) (sequencer.Outcome, error)
	err  error
}

// maxLineBytes bounds what is read of a line. One longer than an alert may be is refused and the next one
// read; past this bound the batch ends.
const maxLineBytes = 2 * MaxAlertBytes

// postBatch takes alerts line by line. Up to BatchWindow lines wait for the journal together, so that a
// batch costs few fsyncs; results come in the order of the lines, and a bad line harms no other.
func (s *Server) postBatch(w http.ResponseWriter, r *http.Request) {
	source, err := s.sourceOf(r, ndjson)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	// Results are written while lines are still read.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		s.o.Logger.Warn("batch without full duplex", "error", err)
	}
	w.Header().Set("Content-Type", ndjson)
	b := &batch{s: s, out: w, ctx: r.Context()}
	in := http.MaxBytesReader(w, r.Body, MaxBatchBytes)
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 0, 16<<10), maxLineBytes)
	own := &messages{b: b, source: source.ID}
	line := 0
	for scan.Scan() {
		if line++; line > MaxBatchLines {
			b.add(pending{line: line, err: alert.Errorf(alert.CodeTooLarge, "the batch has more than %d lines: this one and those after it were not read", MaxBatchLines)})
			break
		}
		switch text := scan.Bytes(); {
		case len(bytes.TrimSpace(text)) == 0:
		case source.Plain():
			b.add(b.submit(line, text, source))
		default:
			own.add(line, text)
		}
	}
	own.flush()
	if err := scan.Err(); err != nil {
		b.add(pending{line: line + 1, err: scanError(err)})
	}
	b.flush(0)
	// What was not read is taken in all the same: closing on a caller who still sends would cost it the results.
	_, _ = io.Copy(io.Discard, in)
}

func scanError(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return alert.Errorf(alert.CodeTooLarge, "the line is longer than %d bytes: it and those after it were not read", maxLineBytes)
	}
	return bodyError(err, MaxBatchBytes)
}

type batch struct {
	s      *Server
	ctx    context.Context
	out    io.Writer
	line   []byte
	window []pending
}

func (b *batch) submit(line int, text []byte, source *plan.Source) pending {
	p := pending{line: line}
	if len(text) > MaxAlertBytes {
		p.err = alert.Errorf(alert.CodeTooLarge, "the line is longer than %d bytes, the most that an alert may be", MaxAlertBytes)
		return p
	}
	if p.err = b.s.limits.source(source, 1); p.err != nil {
		return p
	}
	a, err := b.s.parse(text, source)
	if err != nil {
		p.err = err
		return p
	}
	p.wait, p.err = b.s.o.Engine.Submit(b.ctx, dispatch.Command{Type: dispatch.SubmitAlert, Alert: &a})
	return p
}

// add takes a line in; when the window is full, its older half is answered.
func (b *batch) add(p pending) {
	if b.window = append(b.window, p); len(b.window) >= BatchWindow {
		b.flush(BatchWindow / 2)
	}
}

// flush answers the oldest lines until keep are left.
func (b *batch) flush(keep int) {
	n := len(b.window) - keep
	ctx, cancel := context.WithTimeout(b.ctx, CommandTimeout)
	defer cancel()
	for _, p := range b.window[:n] {
		r := b.result(ctx, p)
		b.line, _ = r.append(b.line[:0]) // a problem is strings and numbers, and always encodes
		_, _ = b.out.Write(b.line)       // what was accepted is accepted, whether or not the caller still listens
	}
	b.window = append(b.window[:0], b.window[n:]...)
}

func (b *batch) result(ctx context.Context, p pending) BatchResult {
	err := p.err
	if err == nil {
		var outcome sequencer.Outcome
		if outcome, err = p.wait(ctx); err == nil {
			var receipt dispatch.Receipt
			if receipt, err = b.s.receipt(outcome); err == nil {
				return BatchResult{Line: p.line, Status: http.StatusAccepted, Receipt: &receipt}
			}
		}
	}
	problem := b.s.problem(err, "submit-alerts")
	return BatchResult{Line: p.line, Status: problem.Status, Problem: problem}
}
