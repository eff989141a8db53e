package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// impatience is how long a client waits for an answer before it sends the same again, to whichever node.
const impatience = time.Second

// loads of the suite: how alerts come, from which source.
var loads = []struct {
	source string
	send   func(w *cityWorker)
}{
	{"fire-119", (*cityWorker).single}, {"fire-119", (*cityWorker).single}, {"traffic-122", (*cityWorker).batch}, {"xueliang", (*cityWorker).event},
}

// cityWorker is a client of the city, at whichever node.
type cityWorker struct {
	*nodeFaults
	name   string
	source string
	rng    *rand.Rand
	n      int
}

func (f *nodeFaults) worker(name, source string) *cityWorker {
	salt := uint64(17)
	for _, b := range []byte(name) {
		salt = salt*31 + uint64(b)
	}
	return &cityWorker{nodeFaults: f, name: name, source: source, rng: rand.New(rand.NewPCG(f.seed, salt))}
}

func (w *cityWorker) node() *cityNode { return w.nodes[w.rng.IntN(len(w.nodes))] }

// over reports whether there is to be no more load.
func (f *nodeFaults) over() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// work sends alerts until the end.
func (w *cityWorker) work(send func(*cityWorker)) {
	for !w.over() {
		send(w)
		time.Sleep(time.Duration(w.rng.IntN(40)) * time.Millisecond)
	}
}

// body makes a new alert.
func (w *cityWorker) body(kind string) (id, body string) {
	w.n++
	id = fmt.Sprintf("%s-%d", w.name, w.n)
	lon, lat := w.position()
	return id, fmt.Sprintf(`{"id":%q,"type":%q,"occurred_at":%q,"location":{"lon":%f,"lat":%f},"text":"烟"}`, id, kind, time.Now().UTC().Format(time.RFC3339), lon, lat)
}

// position is in an area so small that incidents fit on a page, and their alerts are many.
func (w *cityWorker) position() (lon, lat float64) {
	return 119.3 + (w.rng.Float64()-0.5)*0.04, 26.08 + (w.rng.Float64()-0.5)*0.04
}

// insist sends the same until it is accepted.
func (w *cityWorker) insist(path, kind, body string) []byte {
	for !w.over() {
		code, answer, err := w.node().face.do(http.MethodPost, path, w.tokens[w.source], kind, body)
		switch {
		case err == nil && code == http.StatusAccepted:
			return answer
		case err == nil && code != http.StatusServiceUnavailable && code != http.StatusTooManyRequests:
			w.t.Errorf("%s of %s: %d %s", path, w.source, code, answer)
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// single sends one alert.
func (w *cityWorker) single() {
	id, body := w.body("fire.building")
	if answer := w.insist("/api/v1/alerts", "application/json", body); answer != nil {
		w.promise(id, answer)
	}
}

// event sends one CloudEvent; its alert's id is made of the event's source and id.
func (w *cityWorker) event() {
	w.n++
	id := fmt.Sprintf("%s-%d", w.name, w.n)
	lon, lat := w.position()
	body := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/cameras","type":"cn.video.algorithm","time":%q,"datacontenttype":"application/json","data":{"algorithm":"smoke","label":"疑似烟雾",`+
		`"confidence":0.93,"camera":{"gbid":"3501%d","name":"枪机","lon":%f,"lat":%f,"stream":"rtsp://video.example/1"},"snapshot":"https://video.example/1.jpg"}}`,
		id, time.Now().UTC().Format(time.RFC3339), w.n%50, lon, lat)
	if answer := w.insist("/api/v1/cloudevents", "application/cloudevents+json", body); answer != nil {
		w.promise("/cameras#"+id, answer)
	}
}

// batch sends a batch, and what was not accepted of it again.
func (w *cityWorker) batch() {
	waiting := map[string]string{}
	var order []string
	for range 1 + w.rng.IntN(12) {
		id, body := w.body("traffic.crash")
		waiting[id], order = body, append(order, id)
	}
	for len(waiting) > 0 && !w.over() {
		var text strings.Builder
		var sent []string
		for _, id := range order {
			if body, ok := waiting[id]; ok {
				text.WriteString(body + "\n")
				sent = append(sent, id)
			}
		}
		code, answer, _ := w.node().face.do(http.MethodPost, "/api/v1/alerts:batch", w.tokens[w.source], "application/x-ndjson", text.String())
		if code != http.StatusOK {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		for line := range bytes.SplitSeq(answer, []byte("\n")) { // as much of it as came
			var r struct{ Line, Status int }
			if json.Unmarshal(line, &r) != nil || r.Line < 1 || r.Line > len(sent) {
				continue
			}
			switch r.Status {
			case http.StatusAccepted:
				w.promise(sent[r.Line-1], line)
				delete(waiting, sent[r.Line-1])
			case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			default:
				w.t.Errorf("batch of %s: %s", w.source, line)
				delete(waiting, sent[r.Line-1])
			}
		}
	}
}

// promise keeps an answer that said 202.
func (w *cityWorker) promise(id string, answer []byte) {
	var r dispatch.Receipt
	if err := json.Unmarshal(answer, &r); err != nil || r.IncidentID == "" {
		w.t.Errorf("answered with %s: %v", answer, err)
	}
	w.mu.Lock()
	w.promised[[2]string{w.source, id}] = r.IncidentID
	w.last = time.Now()
	w.mu.Unlock()
	for _, t := range r.Tasks {
		select {
		case w.tasks <- knownTask{ReceiptTask: t, incident: r.IncidentID}:
		default: // officers have enough to do
		}
	}
}

// officer works on tasks, each to its end, and writes notes and assessments.
func (w *cityWorker) officer() {
	for {
		select {
		case <-w.done:
			return
		case t := <-w.tasks:
			w.handle(&t)
		}
	}
}

func (w *cityWorker) handle(t *knownTask) {
	seat := t.Seat
	if seat == "" || w.rng.IntN(3) == 0 {
		seat = leadSeat
	}
	if w.rng.IntN(3) == 0 {
		w.n++
		text := fmt.Sprintf("现场情况 %s-%d", w.name, w.n)
		words := []alert.Action{alert.ActNote, "assessments"}[w.n%2]
		if v := w.act(w.node(), seat, "incidents", t.incident, words, text, ""); v == done { // never twice
			w.did(deed{t.incident, alert.ActNote, text})
		}
	}
	for _, action := range life {
		verdict := unknown
		for verdict == unknown && !w.over() { // doing again what is done is no error
			verdict = w.act(w.node(), seat, "tasks", t.ID, action, "", "")
		}
		if verdict != done {
			return
		}
		w.did(deed{t.ID, action, ""})
	}
	if w.rng.IntN(4) > 0 && w.act(w.node(), leadSeat, "incidents", t.incident, alert.ActVerify, "", "") == done {
		w.did(deed{t.incident, alert.ActVerify, ""})
	}
}

func (w *cityWorker) did(d deed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deeds = append(w.deeds, d)
}

// act does one thing as a seat.
func (w *cityWorker) act(n *cityNode, seat, kind, id string, action alert.Action, text, to string) verdict {
	body, _ := json.Marshal(map[string]string{"reason": "演练", "text": text, "seat": to}) // strings always encode
	code, answer, err := n.face.do(http.MethodPost, "/api/v1/"+kind+"/"+id+"/"+string(action), w.tokens[seat], "application/json", string(body))
	switch {
	case err != nil || code == http.StatusServiceUnavailable || code == http.StatusNotFound: // another history, for a while: see docs/consistency.md
		time.Sleep(5 * time.Millisecond)
		return unknown
	case code == http.StatusOK:
		return done
	case code == http.StatusConflict:
		return conflict
	case code == http.StatusForbidden:
		return forbidden
	}
	w.t.Errorf("%s of %s as %s at %s: %d %s", action, id, seat, n.name, code, answer)
	return forbidden
}
