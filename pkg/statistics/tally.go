package statistics

import "encoding/binary"

// Count is something that is counted.
type Count uint8

// The counts. The numbers are written to disk: new ones go to the end.
const (
	Incidents    Count = iota // opened
	Alerts                    // accepted, repeated ones left out
	Closed                    // incidents verified and closed
	Cancelled                 // incidents found to be none
	Tasks                     // made
	Acknowledged              //
	Done                      // tasks
	Returned                  // tasks
	Unstaffed                 // times a task found nobody on duty
	Overdue                   // tasks not acknowledged in time
	Escalated                 // times a further seat was asked
	numCounts
)

// CountNames are the counts' names, by Count.
var CountNames = [numCounts]string{"incidents", "alerts", "closed", "cancelled", "tasks", "acknowledged", "done", "returned", "unstaffed", "overdue", "escalated"}

// Stage is a stretch of the way of a task or incident that people take time for.
type Stage uint8

// The stages. The numbers are written to disk: new ones go to the end.
const (
	Reported    Stage = iota // from what happened to the incident being open
	Acknowledge              // from assigned to acknowledged 签收
	Depart                   // from acknowledged to under way 出动
	Arrive                   // from assigned to on scene 到场
	Finish                   // from assigned to done 办结
	Verify                   // from the last task's end to closed 结案
	numStages
)

// StageNames are the stages' names, by Stage.
var StageNames = [numStages]string{"report", "acknowledge", "depart", "arrive", "finish", "verify"}

// Tally is what was counted and timed of something. The zero value is empty; tallies add up.
type Tally struct {
	Counts [numCounts]uint64
	Stages [numStages]Histogram
}

// Merge adds what other holds.
func (t *Tally) Merge(other *Tally) {
	for i, n := range other.Counts {
		t.Counts[i] += n
	}
	for i := range other.Stages {
		t.Stages[i].Merge(&other.Stages[i])
	}
}

// Append writes t to b in few bytes.
func (t *Tally) Append(b []byte) []byte {
	b = append(b, byte(numCounts), byte(numStages))
	for _, n := range t.Counts {
		b = binary.AppendUvarint(b, n)
	}
	for i := range t.Stages {
		b = t.Stages[i].append(b)
	}
	return b
}

// MergeBytes adds a tally as Append wrote it, this version or an older one with fewer counts or stages.
func (t *Tally) MergeBytes(b []byte) (err error) {
	if len(b) < 2 || Count(b[0]) > numCounts || Stage(b[1]) > numStages {
		return errShort
	}
	counts, stages := int(b[0]), int(b[1])
	b = b[2:]
	for i := range counts {
		var n uint64
		if n, b, err = uvarint(b); err != nil {
			return err
		}
		t.Counts[i] += n
	}
	for i := range stages {
		if b, err = t.Stages[i].merge(b); err != nil {
			return err
		}
	}
	return nil
}
