package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

const maxBatchLines = 60

// worker is a client that works until the server is gone.
type worker struct {
	*crash
	s    *server
	rng  *rand.Rand
	name string // its alerts' ids begin with it
	n    int
}

func (c *crash) worker(s *server, round, i int) *worker {
	return &worker{crash: c, s: s, rng: rand.New(rand.NewPCG(c.seed, uint64(round)<<8|uint64(i+1))), name: fmt.Sprintf("r%d-c%d", round, i)}
}

// alert makes a new alert of the source: one in four near the middle of the city, where others attach to it.
func (w *worker) alert(source *plan.Source) *promise {
	var codes []string
	for _, t := range w.city.Types {
		if source.MaySend(t.Code) {
			codes = append(codes, t.Code)
		}
	}
	w.n++
	spread := 0.06
	if w.rng.IntN(4) == 0 {
		spread = 0.001
	}
	id := fmt.Sprintf("%s-%d", w.name, w.n)
	body, _ := json.Marshal(map[string]any{ // plain values always encode
		"id": id, "type": codes[w.rng.IntN(len(codes))], "occurred_at": time.Now().UTC().Format(time.RFC3339Nano), "text": "六楼冒烟 " + id,
		"location":   map[string]any{"lon": w.city.Centre.Lon + (w.rng.Float64()-0.5)*spread, "lat": w.city.Centre.Lat + (w.rng.Float64()-0.5)*spread},
		"attributes": map[string]any{"floors": w.rng.IntN(30), "injured": w.rng.IntN(3)},
	})
	return w.ledger.sent(source.ID, id, string(body))
}

// next is a new alert or, one time in eight, one that was accepted before.
func (w *worker) next(source *plan.Source) *promise {
	if w.rng.IntN(8) == 0 {
		if p := w.ledger.answered(w.rng, source.ID); p != nil {
			return p
		}
	}
	return w.alert(source)
}

// post sends alerts one at a time.
func (w *worker) post(id string) {
	source, token := w.source(id)
	for source != nil {
		p := w.next(source)
		status, answer, err := w.s.do(http.MethodPost, "/api/v1/alerts", token, "application/json", p.body)
		if err != nil {
			return
		}
		w.took(p, status, answer)
	}
}

func (c *crash) source(id string) (*plan.Source, string) {
	source, ok := c.city.Source(id)
	token, err := c.keys.source(id)
	if !ok || err != nil {
		c.t.Errorf("source %s: %t, %v", id, ok, err)
		return nil, ""
	}
	return source, token
}

func (c *crash) took(p *promise, status int, answer []byte) {
	if status != http.StatusAccepted {
		c.t.Errorf("alert %s of %s: status %d, %s", p.body, p.source, status, answer)
		return
	}
	if wrong := c.ledger.accepted(p, answer); wrong != "" {
		c.t.Errorf("alert %s of %s: %s", p.body, p.source, wrong)
	}
}

// postBatches sends alerts in batches, some of them twice in one batch.
func (w *worker) postBatches(id string) {
	source, token := w.source(id)
	for source != nil {
		var lines []*promise
		for range 1 + w.rng.IntN(maxBatchLines) {
			lines = append(lines, w.next(source))
			if w.rng.IntN(10) == 0 {
				lines = append(lines, lines[w.rng.IntN(len(lines))])
			}
		}
		if err := w.postLines(w.s, token, lines); err != nil {
			return
		}
	}
}

// postLines sends one batch and takes in the results that come; the error is the connection's.
func (c *crash) postLines(s *server, token string, lines []*promise) error {
	var body strings.Builder
	for _, p := range lines {
		body.WriteString(p.body + "\n")
	}
	req, err := http.NewRequest(http.MethodPost, s.url+"/api/v1/alerts:batch", strings.NewReader(body.String()))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	results := bufio.NewScanner(resp.Body)
	results.Buffer(nil, 1<<20)
	for _, p := range lines {
		if !results.Scan() {
			return fmt.Errorf("the results end early: %v", results.Err())
		}
		// A line that the crash cut off is no answer: only a whole one ends in a brace and parses.
		var r struct{ Status int }
		if err := json.Unmarshal(results.Bytes(), &r); err != nil {
			return err
		}
		c.took(p, r.Status, bytes.Clone(results.Bytes()))
	}
	return nil
}

// life is what an officer does to a task.
var life = [...]alert.Action{alert.ActAcknowledge, alert.ActDepart, alert.ActArrive, alert.ActFinish}

// act works on tasks as the officers at their seats, or as the centre.
func (w *worker) act() {
	for n := 0; ; n++ {
		t := w.ledger.task(w.rng)
		if t == nil { // nothing was ever accepted
			select {
			case <-w.s.gone:
				return
			case <-time.After(time.Millisecond): // look again
				continue
			}
		}
		seat := t.Seat
		if seat == "" || w.rng.IntN(3) == 0 {
			seat = "centre-leader"
		}
		action := life[t.next]
		if w.rng.IntN(30) == 0 {
			action = alert.ActReturn
		}
		done, err := w.try(seat, "tasks", t.ID, action, "")
		if err != nil {
			return
		}
		if t.next++; done && action != alert.ActReturn && t.next < len(life) {
			w.ledger.giveBack(t)
		} else {
			action = []alert.Action{alert.ActVerify, alert.ActVerify, alert.ActCancel}[w.rng.IntN(3)]
			if _, err := w.try("centre-leader", "incidents", t.incident, action, ""); err != nil {
				return
			}
		}
		if w.rng.IntN(3) == 0 {
			if _, err := w.try(seat, "incidents", t.incident, alert.ActNote, fmt.Sprintf("现场情况 %s-%d", w.name, n)); err != nil {
				return
			}
		}
	}
}

// try does one thing; the error is the connection's.
func (w *worker) try(seat, kind, id string, action alert.Action, text string) (done bool, err error) {
	token, err := w.keys.seat(seat)
	if err != nil {
		w.t.Error(err)
		return false, err
	}
	body, _ := json.Marshal(map[string]string{"reason": "演练", "text": text}) // strings always encode
	status, answer, err := w.s.do(http.MethodPost, "/api/v1/"+kind+"/"+id+"/"+string(action), token, "application/json", string(body))
	switch {
	case err != nil:
		return false, err
	case status == http.StatusOK:
		w.ledger.did(deed{id, action, text})
		return true, nil
	case status == http.StatusConflict || status == http.StatusForbidden: // somebody else was quicker
		w.ledger.refusal()
		return false, nil
	}
	w.t.Errorf("%s %s %s as %s: status %d, %s", action, kind, id, seat, status, answer)
	return false, nil
}
