package redisstore

// Names are the keys of one city. The braces keep them in one slot of a Cluster.
type Names struct{ prefix string }

// NamesOf returns the keys of the city with the given id.
func NamesOf(city string) Names { return Names{"banyan:{" + city + "}:"} }

// Events is the stream of events, with ids <epoch>-<seq>.
func (n Names) Events() string { return n.prefix + "events" }

// Meta is a hash: schema, epoch, seq and so on.
func (n Names) Meta() string { return n.prefix + "meta" }

// Lease is held by the node that leads.
func (n Names) Lease() string { return n.prefix + "lease" }

// Incidents is a sorted set of the open incidents, most urgent first, of equally urgent ones the oldest.
func (n Names) Incidents() string { return n.prefix + "incidents" }

// Incident is a hash, of one open incident.
func (n Names) Incident(id string) string { return n.prefix + "incident:" + id }

// Cells is a sorted set of <cell>:<incident>, to be asked by lexicographic range.
func (n Names) Cells() string { return n.prefix + "cells" }

// Seats is a set of the ids of the seats.
func (n Names) Seats() string { return n.prefix + "seats" }

// Seat is a hash, of one seat.
func (n Names) Seat(id string) string { return n.prefix + "seat:" + id }

// Roster is a hash from seat to spans, of one day in the city (YYYY-MM-DD).
func (n Names) Roster(day string) string { return n.prefix + "roster:" + day }

// Sources is a sorted set of sources by when they were last heard, Unix milliseconds.
func (n Names) Sources() string { return n.prefix + "sources" }

// Counts is a hash of the counters of the city.
func (n Names) Counts() string { return n.prefix + "counts" }

// Hooks is a hash of how far targets of webhooks came, EPOCH-SEQ, that the node which sends them writes.
func (n Names) Hooks() string { return n.prefix + "hooks" }

// Handed is a list of commands of deposed nodes, for the node that leads to submit again.
func (n Names) Handed() string { return n.prefix + "handed" }

// Taken says that the node that leads has submitted a number of handed commands again, under their id.
func (n Names) Taken(id string) string { return n.prefix + "taken:" + id }
