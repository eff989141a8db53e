package app_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// contents reads a whole journal: incidents by alert id, and the number of configurations loaded.
func contents(t *testing.T, dir string) (alerts map[string]string, configs int, report journal.Report) {
	t.Helper()
	alerts = map[string]string{}
	v := sequencer.NewVerifier()
	report, err := journal.Verify(filepath.Join(dir, app.JournalDir), func(f journal.Frame) error {
		rec, err := sequencer.DecodeRecord(f.Payload)
		if err != nil {
			return err
		}
		events, err := rec.DecodeEvents()
		for _, e := range events {
			if e.Alert != nil {
				if alerts[e.Alert.AlertID] != "" {
					t.Errorf("alert %s is there twice", e.Alert.AlertID)
				}
				alerts[e.Alert.AlertID] = e.IncidentID
			}
			if e.Type == dispatch.ConfigLoaded {
				configs++
			}
		}
		return errors.Join(err, v.Frame(f))
	})
	if err != nil {
		t.Fatal(err)
	}
	return alerts, configs, report
}

// TestOrderlyStop stops a centre at work: what was answered is there, a last snapshot covers everything, screens
// are told, and nothing runs on.
func TestOrderlyStop(t *testing.T) {
	o := options(t, t.TempDir())
	c := run(t, o)
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	s.expect("snapshot")
	var working sync.WaitGroup
	var accepted sync.Map
	var count atomic.Int64
	const clients, enough = 4, 200
	busy := make(chan struct{})
	for i := range clients {
		working.Go(func() {
			for n := i; ; n += clients {
				status, header, answer, err := c.send(http.MethodPost, "/api/v1/alerts", c.source, strings.NewReader(alert(n)))
				if err != nil {
					return // the listener is gone
				}
				if status == http.StatusServiceUnavailable && header.Get("Retry-After") != "" {
					continue
				}
				var r receipt
				if err := json.Unmarshal(answer, &r); err != nil || status != http.StatusAccepted {
					t.Errorf("%d %s: %v", status, answer, err)
					return
				}
				accepted.Store(r.AlertID, r.IncidentID)
				if count.Add(1) == enough {
					close(busy)
				}
			}
		})
	}
	<-busy
	told := s.told()
	if err := c.stop(); err != nil {
		t.Errorf("an orderly stop ends with %v", err)
	}
	working.Wait()
	if err := <-told; !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the screen is told %v", err)
	}
	alerts, configs, report := contents(t, o.DataDir)
	accepted.Range(func(alert, incident any) bool {
		if alerts[alert.(string)] != incident {
			t.Errorf("alert %s was answered with incident %s; the journal has %q", alert, incident, alerts[alert.(string)])
		}
		return true
	})
	if configs != 1 || report.TailBytes != 0 {
		t.Errorf("%d configurations, %d bytes behind the end", configs, report.TailBytes)
	}
	if n := len(report.Snapshots); n == 0 || report.Snapshots[n-1].Seq != report.LastSeq || report.Snapshots[n-1].Err != nil {
		t.Errorf("the last sequence is %d, the snapshots are %+v", report.LastSeq, report.Snapshots)
	}
	// Again, with nothing to do: neither event nor snapshot.
	if err := run(t, o).stop(); err != nil {
		t.Error(err)
	}
	if _, _, again := contents(t, o.DataDir); again.LastSeq != report.LastSeq || len(again.Snapshots) != len(report.Snapshots) {
		t.Errorf("a start and a stop made events %d to %d", report.LastSeq, again.LastSeq)
	}
}

// TestStopDoesNotWaitForever: a client that never finishes its request holds a stop up for its timeout only.
func TestStopDoesNotWaitForever(t *testing.T) {
	o := options(t, t.TempDir())
	o.ShutdownTimeout = 300 * time.Millisecond
	c := run(t, o)
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	s.expect("snapshot")
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /api/v1/alerts:batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + c.source +
		"\r\nExpect: 100-continue\r\nContent-Length: 100000\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 100)); err != nil { // 100 Continue: the handler reads
		t.Fatal(err)
	}
	told, began := s.told(), time.Now()
	err = c.stop()
	if took := time.Since(began); took < o.ShutdownTimeout || took > patience/2 {
		t.Errorf("the stop took %v", took)
	}
	if err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("cutting a client off is told as %v", err)
	}
	if err := <-told; !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("the screen is told %v", err)
	}
	if _, _, report := contents(t, o.DataDir); len(report.Snapshots) == 0 || report.Snapshots[len(report.Snapshots)-1].Seq != report.LastSeq {
		t.Errorf("no last snapshot at %d: %+v", report.LastSeq, report.Snapshots)
	}
}

// TestOneProcessADataFolder: a second centre over the same folder is refused and told why; the first goes on.
func TestOneProcessADataFolder(t *testing.T) {
	o := options(t, t.TempDir())
	c := run(t, o)
	_, err := app.Open(o)
	if !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), o.DataDir) {
		t.Errorf("the second is told: %v", err)
	}
	c.post(1)
}

// TestPortInUse: the error names the address, and the data folder is free again.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	o := options(t, t.TempDir())
	o.Listen = taken.Addr().String()
	if _, err := app.Open(o); err == nil || !strings.Contains(err.Error(), o.Listen) {
		t.Errorf("told: %v", err)
	}
	o.Listen = "127.0.0.1:0"
	run(t, o).post(1)
}

// TestDamagedJournal: a centre does not start over a journal it cannot read whole, and says which segment,
// where, and the first sequence that is lost.
func TestDamagedJournal(t *testing.T) {
	o := options(t, t.TempDir())
	c := run(t, o)
	for n := range 20 {
		c.post(n)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	_, _, report := contents(t, o.DataDir)
	segments, err := filepath.Glob(filepath.Join(o.DataDir, app.JournalDir, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	// In the middle of what is written, which ends where the text last stands.
	used := strings.LastIndex(string(whole), `"alert.submit"`)
	whole[used/2] ^= 1
	if err := os.WriteFile(segments[0], whole, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = app.Open(o)
	var corrupt *journal.CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("told: %v", err)
	}
	if corrupt.Segment != filepath.Base(segments[0]) || corrupt.Offset <= 0 || corrupt.Offset > int64(used/2) || corrupt.Seq == 0 || corrupt.Seq > report.LastSeq {
		t.Errorf("damage at %d of %d: told %+v", used/2, used, corrupt)
	}
	whole[used/2] ^= 1 // restored from a copy
	if err := os.WriteFile(segments[0], whole, 0o640); err != nil {
		t.Fatal(err)
	}
	if r := run(t, o).post(0); !r.Duplicate {
		t.Errorf("after the file was restored: %+v", r)
	}
}

// TestConfigurationIsAnInput: a changed configuration is an event, the same one is none; a finished incident
// goes on under the new one, and the city shown is the new one.
func TestConfigurationIsAnInput(t *testing.T) {
	o := options(t, t.TempDir())
	c := run(t, o)
	r := c.post(1)
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, text := range o.City.Files {
		files[name] = []byte(strings.ReplaceAll(string(text), "林都市", "新都市"))
	}
	changed, problems := plan.Load(files)
	if problems != nil {
		t.Fatal(problems)
	}
	was := o.City.Digest
	o.City = changed
	c = run(t, o)
	var city struct{ Name, Digest string }
	c.must(http.StatusOK, http.MethodGet, "/api/v1/city", c.wal, "", &city)
	if city.Name != "新都市" || city.Digest != changed.Digest || city.Digest == was {
		t.Errorf("served: %+v", city)
	}
	c.must(http.StatusOK, http.MethodPost, "/api/v1/tasks/"+r.Tasks[0].ID+"/acknowledge", c.officer, "", nil)
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if _, configs, _ := contents(t, o.DataDir); configs != 2 {
		t.Errorf("%d configurations in the journal, want 2", configs)
	}
}
