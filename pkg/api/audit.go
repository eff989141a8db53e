package api

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Trail is the journal as who audits reads it.
type Trail interface {
	Read(from uint64) iter.Seq2[journal.Frame, error]
	Head() (seq uint64, chain journal.Chain)
}

// Bounds of a page of the audit trail.
const (
	MaxAuditFrames = 500
	MaxAuditBytes  = 8 << 20 // of what was recorded; one frame may be larger
)

func (s *Server) auditRoutes() {
	register(s, http.MethodGet, "/api/v1/audit", "read-audit", "The audit trail: what was asked, by whom, and what came of it, chained by SHA-256", []string{auditRead}, s.readAudit)
}

type auditInput struct {
	From  uint64 `query:"from" minimum:"1" default:"1" doc:"The sequence to begin with."`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"At most this many entries."`
}

// AuditPage is a part of the audit trail.
type AuditPage struct {
	Entries []AuditEntry `json:"entries"`
	Next    uint64       `json:"next,omitempty" doc:"Where the next page begins; absent on the last."`
	Head    AuditHead    `json:"head" doc:"The end of the trail. Written down elsewhere, it proves later that nothing before it was changed: banyan journal verify --head CHAIN@SEQ."`
}

// AuditHead is the chain's value behind an event.
type AuditHead struct {
	Seq   uint64 `json:"seq"`
	Chain string `json:"chain"`
}

// AuditEntry is one decision.
type AuditEntry struct {
	Seq     uint64               `json:"seq" doc:"Of its first event."`
	Epoch   uint32               `json:"epoch"`
	At      alert.Time           `json:"at"`
	Command dispatch.CommandType `json:"command"`
	Action  alert.Action         `json:"action,omitempty"`
	Target  string               `json:"target,omitempty"`
	By      *alert.Actor         `json:"by,omitempty" doc:"Absent for sources and the clock."`
	Digest  string               `json:"digest" doc:"Of the configuration it was decided under."`
	Events  []json.RawMessage    `json:"events"`
	Chain   string               `json:"chain,omitempty" doc:"Behind its last event. Absent for what was recorded before the trail was chained, which banyan journal verify works out."`
}

func (s *Server) readAudit(_ context.Context, in *auditInput) (*body[AuditPage], error) {
	if in.Limit == 0 {
		in.Limit = DefaultPage
	}
	seq, chain := s.o.Trail.Head()
	page := AuditPage{Entries: []AuditEntry{}, Head: AuditHead{seq, chain.String()}}
	size := 0
	for f, err := range s.o.Trail.Read(in.From) {
		if err != nil {
			return nil, err
		}
		if size += len(f.Payload); len(page.Entries) == in.Limit || size > MaxAuditBytes && len(page.Entries) > 0 {
			page.Next = f.Seq
			break
		}
		e, err := auditEntry(&f)
		if err != nil {
			return nil, fmt.Errorf("audit trail at %d: %w", f.Seq, err)
		}
		page.Entries = append(page.Entries, e)
	}
	return &body[AuditPage]{page}, nil
}

func auditEntry(f *journal.Frame) (AuditEntry, error) {
	rec, err := sequencer.DecodeRecord(f.Payload)
	if err != nil {
		return AuditEntry{}, err
	}
	c := &rec.Command
	e := AuditEntry{Seq: f.Seq, Epoch: f.Epoch, At: c.At, Command: c.Type, Action: c.Action, Target: c.Target, By: c.By, Digest: rec.Digest, Events: rec.Events}
	if f.Chain != (journal.Chain{}) {
		e.Chain = f.Chain.String()
	}
	if c.Type != dispatch.LoadConfig {
		return e, nil
	}
	// The files of a configuration stay in the journal.
	events, err := rec.DecodeEvents()
	for i := range events {
		if events[i].Type == dispatch.ConfigLoaded {
			events[i].Files, events[i].Keep = nil, nil
			e.Events[i] = events[i].AppendJSON(nil)
		}
	}
	return e, err
}
