package alert

import "github.com/banyan-ecc/banyan/pkg/wire"

// Record describes i for snapshots. The numbers of its fields are for ever: new fields get new ones, at the end.
func (i *Incident) Record(r *wire.Record) {
	wire.Text(r, 1, &i.ID)
	wire.Text(r, 2, &i.Number)
	wire.Text(r, 3, &i.Type)
	wire.Text(r, 4, &i.Group)
	wire.Text(r, 5, &i.Class)
	wire.Text(r, 6, &i.State)
	wire.Int(r, 7, &i.Priority)
	wire.Part(r, 8, &i.Location, recordLocation)
	wire.Text(r, 9, &i.LocationFrom)
	wire.Int(r, 10, &i.Cell)
	wire.Texts(r, 11, &i.Areas)
	r.Bool(12, &i.OutsideCity)
	wire.Text(r, 13, &i.Text)
	wire.Text(r, 14, &i.Plan)
	wire.Parts(r, 15, &i.Refs, recordSourceRef)
	wire.Parts(r, 16, &i.Alerts, recordRef)
	wire.Int(r, 17, &i.AlertCount)
	wire.Parts(r, 18, &i.Tasks, recordTask)
	wire.Int(r, 19, &i.OpenedAt)
	wire.Int(r, 20, &i.UpdatedAt)
	wire.Int(r, 21, &i.ClosedAt)
	wire.Int(r, 22, &i.FirstOccurredAt)
	wire.Int(r, 23, &i.LastOccurredAt)
	wire.Text(r, 24, &i.CloseReason)
	wire.Text(r, 25, &i.Before)
	wire.Texts(r, 26, &i.Reported)
	wire.Int(r, 27, &i.Seq)
	wire.Text(r, 28, &i.Sensitivity)
	wire.Part(r, 29, &i.Unconfirmed, recordUnconfirmed)
	wire.Int(r, 30, &i.CancelledCount)
	wire.Int(r, 31, &i.FoldedCount)
	r.Bool(32, &i.PrioritySet)
	wire.Text(r, 33, &i.WarningLevel)
	wire.Part(r, 34, &i.Cover, recordCover)
	wire.Int(r, 35, &i.ExpiresAt)
	r.Bool(36, &i.Exercise)
	wire.Text(r, 37, &i.Traceparent)
	wire.Int(r, 38, &i.Level)
}

func recordTask(r *wire.Record, p **Task) {
	if *p == nil {
		*p = new(Task)
	}
	t := *p
	wire.Text(r, 1, &t.ID)
	wire.Text(r, 2, &t.IncidentID)
	wire.Text(r, 3, &t.Department)
	wire.Text(r, 4, &t.Role)
	wire.Text(r, 5, &t.Seat)
	wire.Text(r, 6, &t.State)
	wire.Int(r, 7, &t.Priority)
	wire.Text(r, 8, &t.Reason)
	wire.Int(r, 9, &t.Deadline)
	wire.Int(r, 10, &t.Step)
	r.Bool(11, &t.Overdue)
	wire.Texts(r, 12, &t.Escalated)
	wire.Text(r, 13, &t.Officer)
	wire.Texts(r, 14, &t.Tried)
	wire.Int(r, 15, &t.AssignedAt)
	wire.Int(r, 16, &t.AcknowledgedAt)
	wire.Int(r, 17, &t.EnRouteAt)
	wire.Int(r, 18, &t.OnSceneAt)
	wire.Int(r, 19, &t.FinishedAt)
	wire.Text(r, 20, &t.EndReason)
}

func recordRef(r *wire.Record, f *Ref) {
	wire.Text(r, 1, &f.AlertID)
	wire.Text(r, 2, &f.Source)
	wire.Text(r, 3, &f.ID)
	wire.Text(r, 4, &f.Type)
	wire.Int(r, 5, &f.OccurredAt)
	wire.Int(r, 6, &f.Seq)
	wire.Int(r, 7, &f.UpdatedSeq)
	r.Bool(8, &f.Cancelled)
}

// Record describes s for snapshots.
func (s *SourceRef) Record(r *wire.Record) {
	wire.Text(r, 1, &s.Source)
	wire.Text(r, 2, &s.Ref)
}

func recordSourceRef(r *wire.Record, s *SourceRef) { s.Record(r) }

func recordLocation(r *wire.Record, l *Location) {
	r.Float(1, &l.Lon)
	r.Float(2, &l.Lat)
	r.Float(3, &l.AccuracyM)
}

func recordUnconfirmed(r *wire.Record, u *Unconfirmed) {
	wire.Text(r, 1, &u.Source)
	wire.Text(r, 2, &u.Reporter)
}

func recordCover(r *wire.Record, c *Cover) {
	wire.Texts(r, 1, &c.Areas)
	wire.Ints(r, 2, &c.Cells)
}
