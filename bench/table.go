package main

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// row is a figure beside its floor and a peer, and whether it is where it is to be.
type row struct {
	figure, value, floor, peer, ratio, aim string
	met                                    bool
	kept                                   kept
}

// kept is what stands on the disk when each has answered; empty for what only asks.
type kept struct{ own, floor, peer string }

func (k kept) String() string {
	if k == (kept{}) {
		return none
	}
	return k.own + " / " + k.floor + " / " + k.peer
}

// none stands where there is nothing to compare with, or to keep.
const none = "–"

// table is what a run comes to.
type table struct {
	rows []row
	kept kept // of rows to come
}

func (t *table) add(r row) {
	if r.kept = t.kept; r.kept != (kept{}) {
		if r.floor == none {
			r.kept.floor = none
		}
		if r.peer == none {
			r.kept.peer = none
		}
	}
	t.rows = append(t.rows, r)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// under adds a time that is to be at most so many times a peer's.
func (t *table) under(figure string, own, floor time.Duration, floorIs string, peer time.Duration, peerIs string, most float64) {
	t.add(row{figure: figure, value: short(own).String(), floor: fmt.Sprintf("%v %s", short(floor), floorIs), peer: fmt.Sprintf("%v %s", short(peer), peerIs),
		ratio: fmt.Sprintf("%.2f × peer, %.2f × floor", ratio(own, peer), ratio(own, floor)), aim: fmt.Sprintf("≤ %v × peer", most), met: ratio(own, peer) <= most})
}

// print prints the table as Markdown with its columns aligned.
func (t *table) print() {
	if len(t.rows) == 0 {
		return
	}
	cells := [][]string{{"figure", "Banyan", "floor", "peer", "kept when answered: Banyan / floor / peer", "ratio", "aim", ""}}
	for _, r := range t.rows {
		verdict := "missed"
		if r.met {
			verdict = "met"
		}
		cells = append(cells, []string{r.figure, r.value, r.floor, r.peer, r.kept.String(), r.ratio, r.aim, verdict})
	}
	width := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, text := range line {
			width[i] = max(width[i], utf8.RuneCountInString(text))
		}
	}
	fmt.Println()
	for n, line := range cells {
		for i, text := range line {
			fmt.Printf("| %s%*s ", text, width[i]-utf8.RuneCountInString(text), "")
		}
		fmt.Println("|")
		if n > 0 {
			continue
		}
		for range line {
			fmt.Print("| --- ")
		}
		fmt.Println("|")
	}
}
