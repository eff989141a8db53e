package dispatch

import "github.com/banyan-ecc/banyan/pkg/alert"

// warn takes into an incident what an alert says beyond a report of something that happens. What it does not say
// stays; of a further alert's expiry the later counts, for the incident has both, and an update's is the one.
func warn(doc *alert.Incident, a *alert.Alert, update bool) {
	if a.WarningLevel != "" {
		doc.WarningLevel = a.WarningLevel
	}
	if a.Cover != nil && (update || doc.Cover == nil) {
		doc.Cover = a.Cover
	}
	if a.Level != 0 && (update || doc.Level == 0) {
		doc.Level = a.Level
	}
	if update {
		doc.ExpiresAt = a.ExpiresAt
	} else if doc.ExpiresAt != 0 {
		// An alert that does not expire keeps the incident from expiring.
		doc.ExpiresAt = max(doc.ExpiresAt, a.ExpiresAt)
		if a.ExpiresAt == 0 {
			doc.ExpiresAt = 0
		}
	}
}

// drilled refuses what would have a drill change something real, or the other way round.
func drilled(a *alert.Alert, i *alert.Incident) error {
	if a.Exercise == i.Exercise {
		return nil
	}
	return invalid("exercise", "a drill changes nothing real, and nothing real a drill: the alert meant is of the other kind", a.ID)
}
