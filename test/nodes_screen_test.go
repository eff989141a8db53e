package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// shownIncident is what is compared of an incident on a screen.
type shownIncident struct {
	State    alert.IncidentState
	Priority alert.Priority
	Alerts   int
	Tasks    string // "id state seat" of each, in order
}

// cityScreen is a wall at a node: it comes back whenever it is thrown out, and goes on from where it was.
type cityScreen struct {
	f    *nodeFaults
	node *cityNode

	mu        sync.Mutex
	epoch     uint32
	seq       uint64
	incidents map[string]*alert.Incident // but those that have ended

	ws    *websocket.Conn // to be ended with
	ended bool

	snapshots, resumed, events int
}

// screenFrame is what a screen reads of a frame.
type screenFrame struct {
	Op        string
	Epoch     uint32
	Seq       uint64
	From, To  uint64
	Reason    string
	Detail    string
	Incidents []*alert.Incident
	Total     int `json:"incidents_total"`
	Events    []struct {
		Seq        uint64
		Type       string
		IncidentID string `json:"incident_id"`
		Incident   *alert.Incident
		Task       *alert.Task
		State      alert.IncidentState
		Priority   alert.Priority
		AlertCount int `json:"alert_count"`
	}
}

// silence is how long a screen hears nothing before it takes its connection for dead; heartbeats come every 5 s.
const silence = 8 * time.Second

// run is the screen's life.
func (s *cityScreen) run() {
	for !s.f.over() {
		if err := s.connect(); err != nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// end throws the screen out, at the end of its life.
func (s *cityScreen) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended = true; s.ws != nil {
		_ = s.ws.Close()
	}
}

func (s *cityScreen) connect() error {
	dialer := websocket.Dialer{HandshakeTimeout: impatience}
	ws, _, err := dialer.Dial("ws://"+s.node.screen.Addr()+"/api/v1/stream",
		http.Header{"Authorization": {"Bearer " + s.f.wall}, "Sec-WebSocket-Protocol": {"banyan.v1"}})
	if err != nil {
		return err
	}
	defer ws.Close()
	request := map[string]any{"op": "subscribe", "topics": []string{"wall"}}
	s.mu.Lock()
	if s.ws = ws; s.ended {
		_ = ws.Close()
	}
	if s.seq > 0 {
		request["since"] = map[string]any{"epoch": s.epoch, "seq": s.seq}
	}
	s.mu.Unlock()
	if err := ws.WriteJSON(request); err != nil {
		return err
	}
	for begun := false; ; {
		var f screenFrame
		if err := ws.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		if err := ws.ReadJSON(&f); err != nil {
			return err
		}
		begun = begun || f.Op == "snapshot" || f.Op == "resumed"
		if wrong := s.take(&f); wrong != "" || f.Op == "events" && !begun {
			s.f.t.Errorf("a screen at %s, %d-%d: %s: %s %d %d–%d", s.node.name, s.epoch, s.seq, wrong, f.Op, f.Epoch, f.From, f.To)
			return fmt.Errorf("wrong: %s", wrong)
		}
	}
}

// take brings the screen forward by a frame, and says what is wrong with it.
func (s *cityScreen) take(f *screenFrame) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Op {
	case "snapshot":
		s.snapshots++
		s.epoch, s.seq, s.incidents = f.Epoch, f.Seq, map[string]*alert.Incident{}
		for _, i := range f.Incidents {
			s.incidents[i.ID] = i
		}
		if f.Total > len(f.Incidents) {
			return "the city is too full for this test"
		}
	case "resumed":
		s.resumed++
		if f.Seq != s.seq {
			return "resumed elsewhere"
		}
		s.epoch = f.Epoch
	case "events":
		if f.From != s.seq+1 || f.Epoch < s.epoch {
			return "events do not follow"
		}
		s.apply(f)
	case "heartbeat":
		if f.Epoch == s.epoch && f.Seq != s.seq {
			return fmt.Sprintf("a heartbeat at %d", f.Seq)
		}
	case "error":
		if !strings.Contains(f.Detail, "outrun") { // connect again, it says
			return "refused: " + f.Detail
		}
	}
	return ""
}

func (s *cityScreen) apply(f *screenFrame) {
	s.epoch, s.seq = f.Epoch, f.To
	s.events += len(f.Events)
	for i := range f.Events {
		e := &f.Events[i]
		if e.Type == "incident.opened" {
			s.incidents[e.Incident.ID] = e.Incident
			continue
		}
		inc := s.incidents[e.IncidentID]
		if inc == nil {
			continue
		}
		switch {
		case e.Task != nil:
			put(inc, e.Task)
		case e.Type == "incident.state":
			if inc.State = e.State; e.State.Final() {
				delete(s.incidents, inc.ID)
			}
		case e.Type == "incident.priority":
			inc.Priority = e.Priority
		case e.Type == "alert.attached":
			inc.AlertCount = e.AlertCount
		}
	}
}

func put(inc *alert.Incident, t *alert.Task) {
	for i, old := range inc.Tasks {
		if old.ID == t.ID {
			inc.Tasks[i] = t
			return
		}
	}
	inc.Tasks = append(inc.Tasks, t)
}

// picture is what is compared of incidents.
func picture(incidents map[string]*alert.Incident) map[string]shownIncident {
	p := map[string]shownIncident{}
	for id, i := range incidents {
		var tasks strings.Builder
		for _, t := range i.Tasks {
			fmt.Fprintf(&tasks, "%s %s %s;", t.ID, t.State, t.Seat)
		}
		p[id] = shownIncident{i.State, i.Priority, i.AlertCount, tasks.String()}
	}
	return p
}

// converged waits until the screen shows what its node answers, which it must without being thrown out again. The
// city goes on meanwhile, its clocks run.
func (s *cityScreen) converged() {
	var at, seq uint64
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var want, got map[string]shownIncident
		if seq, want, err = s.f.openIncidents(s.node); err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if at, got = s.pictureAt(seq); at != seq {
			continue
		}
		if maps.Equal(got, want) {
			return
		}
		for id := range want {
			if got[id] != want[id] {
				s.f.t.Errorf("at %d a screen at %s shows %s as %+v, its node has %+v", at, s.node.name, id, got[id], want[id])
			}
		}
		s.f.t.Errorf("at %d a screen at %s shows %d incidents, its node has %d", at, s.node.name, len(got), len(want))
		return
	}
	s.f.t.Errorf("a screen at %s is at %d and does not come to what its node has at %d: %v", s.node.name, at, seq, err)
}

// pictureAt waits a little for the screen to be at a sequence, and returns where it is and what it shows.
func (s *cityScreen) pictureAt(seq uint64) (at uint64, shown map[string]shownIncident) {
	for deadline := time.Now().Add(impatience); ; time.Sleep(100 * time.Microsecond) {
		s.mu.Lock()
		at, shown = s.seq, nil
		if at == seq {
			shown = picture(s.incidents)
		}
		s.mu.Unlock()
		if at >= seq || time.Now().After(deadline) {
			return at, shown
		}
	}
}

// openIncidents asks a node for all that is open.
func (f *nodeFaults) openIncidents(n *cityNode) (seq uint64, open map[string]shownIncident, err error) {
	var page struct {
		Incidents []*alert.Incident
		Next      string
		Seq       uint64
	}
	code, answer, err := n.face.do(http.MethodGet, "/api/v1/incidents?state=active&limit=500", f.wall, "", "")
	if err == nil && code == http.StatusOK {
		err = json.Unmarshal(answer, &page)
	}
	if err != nil || code != http.StatusOK || page.Next != "" { // more than a page is not of one moment
		return 0, nil, fmt.Errorf("%d %d %q %w", code, len(page.Incidents), page.Next, err)
	}
	incidents := map[string]*alert.Incident{}
	for _, i := range page.Incidents {
		incidents[i.ID] = i
	}
	return page.Seq, picture(incidents), nil
}
