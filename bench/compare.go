package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/bench"
)

// medians are what rounds of one measurement agree on.
type medians struct {
	answer50, answer99, last50, last99 time.Duration
	perEvent                           float64
	cpu                                time.Duration
	missed, lost                       int  // in all rounds together
	behind                             bool // fell so far behind that one round was enough
}

func medianOf[T int | int64 | float64 | time.Duration](list []T) T {
	slices.Sort(list)
	return list[len(list)/2]
}

func mediansOf(rounds []*spread) (m medians) {
	pick := func(f func(*spread) time.Duration) time.Duration {
		var all []time.Duration
		for _, s := range rounds {
			all = append(all, f(s))
		}
		return medianOf(all)
	}
	m.answer50 = pick(func(s *spread) time.Duration { return quantile(s.answer, 50) })
	m.answer99 = pick(func(s *spread) time.Duration { return quantile(s.answer, 99) })
	m.last50 = pick(func(s *spread) time.Duration { return quantile(s.last, 50) })
	m.last99 = pick(func(s *spread) time.Duration { return quantile(s.last, 99) })
	m.cpu = pick(func(s *spread) time.Duration { return s.cpu })
	var bytes []float64
	for _, s := range rounds {
		bytes = append(bytes, s.perEvent)
		m.missed, m.lost = m.missed+s.missed, m.lost+s.lost
	}
	m.perEvent, m.behind = medianOf(bytes), rounds[0].behind
	return m
}

// inTurn measures each peer in each round, one after the other, so that a drift of the machine meets all. One that
// fell far behind is not measured again: it would hold up the others for minutes and say the same.
func (d *driver) inTurn(peers []peer, rounds int, measure func(peer, int) (*spread, error)) ([]medians, error) {
	seen := make([][]*spread, len(peers))
	for round := range rounds {
		for i, p := range peers {
			if round > 0 && seen[i][0].behind {
				continue
			}
			s, err := measure(p, round)
			if err != nil {
				return nil, err
			}
			seen[i] = append(seen[i], s)
		}
	}
	var out []medians
	for _, s := range seen {
		out = append(out, mediansOf(s))
	}
	return out, nil
}

func (d *driver) show(peers []peer, got []medians) {
	fmt.Printf("    %-44s %-27s %11s %11s %11s %8s %9s\n", "", "kept when answered", "last p50", "last p99", "answer p50", "B/screen", "CPU/event")
	for i, p := range peers {
		m := got[i]
		if m.last50 == 0 {
			fmt.Printf("    %-44s fell behind at a lower rate\n", p.name)
			continue
		}
		fmt.Printf("    %-44s %-27s %11v %11v %11v %8.0f %9v", p.name, p.kept, short(m.last50), short(m.last99), short(m.answer50), m.perEvent, short(m.cpu))
		if m.behind {
			fmt.Print("   fell behind")
		}
		if m.missed > 0 || m.lost > 0 {
			fmt.Printf("   %d events missed by some screen, %d screens cut off", m.missed, m.lost)
		}
		fmt.Println()
	}
}

// short is a time with three digits that say something.
func short(d time.Duration) time.Duration {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit)
		}
	}
}

// aSync is kept where a sync of its own is added to who keeps nothing.
const aSync = "a file, fdatasync"

// fanouts: one event after the other, to the last of N screens.
func (d *driver) fanouts(ctx context.Context) error {
	peers := []peer{floorPeer, loopPeer, banyanPeer, centriPeer, natsPeer, mosquitPeer}
	commit, err := bench.SyncFloor(d.root, 500)
	if err != nil {
		return err
	}
	fmt.Printf("  floor: 512 B written to a preallocated file + fdatasync: p50 %v\n", short(commit))
	for _, n := range d.screens {
		events := d.events
		if n > 1000 {
			events = max(20, events/5)
		}
		got, err := d.inTurn(peers, d.rounds, func(p peer, _ int) (*spread, error) { return d.idle(ctx, p, n, events) })
		if err != nil {
			return err
		}
		fmt.Printf("  to the last of %d screens, one event of %d B after the other\n", n, bodyBytes)
		d.show(peers, got)
		floor, own, centrifuge := got[0].last50, got[2].last50, got[3].last50
		d.table.kept = kept{banyanPeer.kept, aSync, centriPeer.kept}
		switch n {
		case 1:
			d.table.kept.peer = aSync
			d.table.under("POST → one wall, durable, p50", own, floor+commit, "bare POST → write, + sync", centrifuge+commit, "centrifuge + a sync of its own", 1)
		case 1000:
			aim := floor*12/10 + commit
			d.table.add(row{figure: "last of 1,000 walls, idle, p50", value: short(own).String(), floor: fmt.Sprintf("%v bare writes + %v sync", short(floor), short(commit)), peer: none,
				ratio: fmt.Sprintf("%.2f × floor", ratio(own, floor+commit)), aim: fmt.Sprintf("≤ 1.2 × writes + sync = %v", short(aim)), met: own <= aim})
			d.table.under("last of 1,000 walls, idle, p50", own, floor+commit, "bare writes + sync", centrifuge, "centrifuge", 0.9)
		}
	}
	return nil
}

// opens: events at a fixed rate.
func (d *driver) opens(ctx context.Context) error {
	peers := []peer{floorPeer, banyanPeer, centriPeer, natsPeer, mosquitPeer}
	fell := map[string]int{} // at which rate; it is not asked for more
	for _, rate := range d.rates {
		got, err := d.inTurn(peers, d.rounds, func(p peer, round int) (*spread, error) {
			if fell[p.name] > 0 {
				return &spread{answer: newHistogram(), last: newHistogram(), behind: true}, nil
			}
			return d.open(ctx, p, d.hall, float64(rate), d.length, uint64(round+1))
		})
		if err != nil {
			return err
		}
		fmt.Printf("  %d a second to the last of %d screens, from when an event was due\n", rate, d.hall)
		d.show(peers, got)
		for i, p := range peers {
			if got[i].behind && fell[p.name] == 0 {
				fell[p.name] = rate
			}
		}
		d.table.kept = kept{banyanPeer.kept, floorPeer.kept, "nothing"}
		name := fmt.Sprintf("%d alerts/s × %d walls, p99", rate, d.hall)
		switch rate {
		case 500:
			d.atRate(name, rate, got, fell, peers, 2, 0.1)
			d.atRate(name, rate, got, fell, peers, 3, 0.05)
		case 1000:
			var others []string
			for _, p := range peers[2:] {
				if at := fell[p.name]; at > 0 {
					others = append(others, fmt.Sprintf("%s fell behind at %d/s", p.name, at))
				}
			}
			own, floor := &got[1], got[0].last99
			d.table.add(row{figure: name, value: short(own.last99).String(), floor: fmt.Sprintf("%v bare writes", short(floor)), peer: cmp.Or(strings.Join(others, "; "), "none fell behind"),
				ratio: fmt.Sprintf("%.2f × floor", ratio(own.last99, floor)), aim: "< 250ms", met: own.last99 < 250*time.Millisecond && own.missed == 0 && !own.behind})
		}
	}
	return nil
}

// atRate compares Banyan with one peer at a fixed rate. One that had fallen behind at less, and so was not asked, is behind
// whoever keeps up.
func (d *driver) atRate(name string, rate int, got []medians, fell map[string]int, peers []peer, i int, most float64) {
	own := &got[1]
	d.table.kept.peer = peers[i].kept
	if at := fell[peers[i].name]; at > 0 && at < rate {
		d.table.add(row{figure: name, value: short(own.last99).String(), floor: fmt.Sprintf("%v bare writes", short(got[0].last99)), peer: fmt.Sprintf("%s fell behind at %d/s", peers[i].name, at),
			ratio: fmt.Sprintf("%.2f × floor", ratio(own.last99, got[0].last99)), aim: fmt.Sprintf("≤ %v × peer", most), met: !own.behind && own.missed == 0})
		return
	}
	d.table.under(name, own.last99, got[0].last99, "bare writes", got[i].last99, peers[i].name, most)
}

const (
	memoryBase = 100 // screens before the first look, so that what a service needs once is not counted
	memoryRest = 3 * time.Second
)

// memories: what a service holds for each screen.
func (d *driver) memories(ctx context.Context) error {
	peers := []peer{floorPeer, banyanPeer, centriPeer, natsPeer, mosquitPeer}
	perScreen := make([][]float64, len(peers))
	for range d.rounds {
		for i, p := range peers {
			var seen [2]int64
			for k, n := range []int{memoryBase, memoryBase + d.memory} {
				bytes, err := d.resident(ctx, p, n)
				if err != nil {
					return err
				}
				seen[k] = bytes
			}
			perScreen[i] = append(perScreen[i], float64(seen[1]-seen[0])/float64(d.memory)/1024)
		}
	}
	fmt.Printf("  resident set of the service, %d screens against %d that each had 10 events\n", memoryBase+d.memory, memoryBase)
	var kb []float64
	for i, p := range peers {
		kb = append(kb, medianOf(perScreen[i]))
		fmt.Printf("    %-44s %6.1f KB a screen\n", p.name, kb[i])
	}
	own, centrifuge := kb[1], kb[2]
	d.table.kept = kept{banyanPeer.kept, floorPeer.kept, centriPeer.kept}
	floor := fmt.Sprintf("%.1f KB gorilla, tuned by nothing", kb[0])
	d.table.add(row{figure: "memory a wall, server side", value: fmt.Sprintf("%.1f KB", own), floor: floor, peer: none, ratio: fmt.Sprintf("%.2f × floor", own/kb[0]), aim: "≤ 12 KB", met: own <= 12})
	d.table.add(row{figure: "memory a wall, server side", value: fmt.Sprintf("%.1f KB", own), floor: floor, peer: fmt.Sprintf("%.1f KB centrifuge", centrifuge), ratio: fmt.Sprintf("%.2f × peer", own/centrifuge), aim: "≤ 0.25 × peer", met: own <= 0.25*centrifuge})
	return nil
}

// resident is the memory of a service with n screens, each of which had a few events.
func (d *driver) resident(ctx context.Context, p peer, n int) (int64, error) {
	h, err := d.openHall(p, n)
	if err != nil {
		return 0, err
	}
	defer h.close()
	for i := range uint64(10) {
		key, err := h.publish(ctx, i+1, d.body(i+1))
		if err == nil {
			err = h.await(ctx, key, lastWait)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	time.Sleep(memoryRest)
	return h.process.resident()
}
