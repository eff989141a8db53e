package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

const samplesDir = cityDir + "/sources/samples"

// sample is a message of a source as its system sends it, and what is to become of it. Samples of one source are sent in
// the order of its expect.yaml.
type sample struct {
	File         string   `yaml:"file"`
	Outcome      string   `yaml:"outcome"`
	ID           string   `yaml:"id"` // of the alert, where the transport does not answer
	Type         string   `yaml:"type"`
	Priority     string   `yaml:"priority"`
	Lead         string   `yaml:"lead"`
	Supports     []string `yaml:"supports"` // these at least
	Area         string   `yaml:"area"`
	Text         string   `yaml:"text"` // what an officer reads contains it
	Unconfirmed  bool     `yaml:"unconfirmed"`
	WarningLevel string   `yaml:"warning_level"`
	Sealed       []string `yaml:"sealed"` // is nowhere in plain
	Layer        *struct {
		Feature, State, Name string
	} `yaml:"layer"` // what the source's layer then shows of a feature
	Vary struct {
		ID       []string          `yaml:"id"`
		Time     map[string]string `yaml:"time"`
		Lon, Lat string
		Each     any
	} `yaml:"vary"` // what differs from message to message, for the demo
}

// TestCitySystems sends the samples of every system of the city over the transport of its profile to a real server: REST,
// CloudEvents, CAP, and MQTT through a real broker. Everything that the city's departments run joins by its profile alone.
func TestCitySystems(t *testing.T) {
	t.Parallel()
	needs(t, "mosquitto")
	needs(t, "mosquitto_pub")
	broker := freePort(t)
	startBroker(t, broker)
	dir, data := filepath.Join(t.TempDir(), "city"), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(cityDir)); err != nil {
		t.Fatal(err)
	}
	profiles, err := filepath.Glob(filepath.Join(dir, "sources/*.yaml"))
	if err != nil || len(profiles) == 0 {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if b, err := os.ReadFile(p); err == nil && strings.Contains(string(b), "127.0.0.1:1883") {
			replaceIn(t, p, "127.0.0.1:1883", broker)
		}
	}
	city, err := app.ReadCity(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := launchCity(t, dir, data)
	s.ready(t)
	x := &systems{t: t, s: s, keys: newKeys(data), broker: broker, zone: city.Zone}
	x.connected(city)
	folders, err := os.ReadDir(samplesDir)
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 20 {
		t.Errorf("samples of %d systems: the city has more", len(folders))
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			source, ok := city.Source(folder.Name())
			if !ok {
				t.Fatalf("samples of %s, which the city does not have", folder.Name())
			}
			x := *x
			x.t = t
			for _, one := range readSamples(t, folder.Name()) {
				x.send(source, one)
			}
		})
	}
}

func readSamples(t *testing.T, source string) (list []sample) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(samplesDir, source, "expect.yaml"))
	if err == nil {
		d := yaml.NewDecoder(strings.NewReader(string(b)))
		d.KnownFields(true)
		err = d.Decode(&list)
	}
	if err != nil || len(list) == 0 {
		t.Fatalf("%s: %d samples, %v", source, len(list), err)
	}
	files, _ := os.ReadDir(filepath.Join(samplesDir, source))
	for _, f := range files {
		if f.Name() != "expect.yaml" && !slices.ContainsFunc(list, func(s sample) bool { return s.File == f.Name() }) {
			t.Errorf("%s/%s: nothing is expected of it", source, f.Name())
		}
	}
	return list
}

// systems sends samples to a server.
type systems struct {
	t      *testing.T
	s      *server
	keys   *keys
	broker string
	zone   *time.Location
}

// send sends one sample and looks at what became of it.
func (x *systems) send(source *plan.Source, one sample) {
	x.t.Helper()
	body, err := os.ReadFile(filepath.Join(samplesDir, source.ID, one.File))
	if err != nil {
		x.t.Fatal(err)
	}
	if one.Layer != nil { // what is measured long ago is on no layer
		now := time.Now().In(x.zone)
		for text, format := range one.Vary.Time {
			layout := strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05").Replace(format)
			body = bytes.ReplaceAll(body, []byte(text), []byte(now.Format(layout)))
		}
		defer x.shown(source, one)
	}
	token := must(x.t)(x.keys.source(source.ID))
	if source.Transport.Kind == plan.TransportMQTT {
		x.publish(source, one, body)
		return
	}
	path, kind := "/api/v1/alerts", "application/json"
	switch source.Transport.Kind {
	case plan.TransportCAP:
		path, kind = "/api/v1/cap", "application/cap+xml"
	case plan.TransportCloudEvents:
		path, kind = "/api/v1/cloudevents", "application/cloudevents+json"
	}
	status, answer, err := x.s.do(http.MethodPost, path, token, kind, string(body))
	var got struct {
		Outcome    string
		IncidentID string `json:"incident_id"`
	}
	if err == nil {
		err = json.Unmarshal(answer, &got)
	}
	if got.Outcome == "" && status == http.StatusAccepted {
		got.Outcome = "accepted" // in Banyan's own shape
	}
	if err != nil || got.Outcome != one.Outcome {
		x.t.Fatalf("%s: %d %.500s %v, want %s", one.File, status, answer, err, one.Outcome)
	}
	if one.Outcome == "accepted" {
		x.look(one, got.IncidentID)
	}
}

// shown waits until the source's layer, as a wall reads it, shows what is expected.
func (x *systems) shown(source *plan.Source, one sample) {
	x.t.Helper()
	want := *one.Layer
	eventually(x.t, fmt.Sprintf("%s: %+v on the layer", one.File, want), func() bool {
		status, b, err := x.s.do(http.MethodGet, "/api/v1/layers/"+source.ID, must(x.t)(x.keys.of(wallKey)), "", "")
		var got struct {
			Features []struct {
				ID         string
				Geometry   struct{ Type string }
				Properties struct{ State, Label string }
			}
		}
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil || status != http.StatusOK {
			x.t.Fatalf("%s: layer %d %.300s %v", one.File, status, b, err)
		}
		for _, f := range got.Features {
			if f.ID == want.Feature {
				return f.Properties.State == want.State && f.Geometry.Type != "" && strings.HasPrefix(f.Properties.Label, want.Name)
			}
		}
		return false
	})
}

// connected waits until the server has subscribed at the broker: what is published before that is for nobody.
func (x *systems) connected(city *plan.City) {
	x.t.Helper()
	brokered := 0
	for _, source := range city.Sources {
		if source.Transport.Kind == plan.TransportMQTT {
			brokered++
		}
	}
	want := fmt.Sprintf("banyan_transport_connections{transport=\"mqtt\"} %d\n", brokered)
	eventually(x.t, want, func() bool {
		_, b, err := x.s.do(http.MethodGet, "/metrics", must(x.t)(x.keys.of(wallKey)), "", "")
		return err == nil && strings.Contains(string(b), want)
	})
}

// publish sends a sample through the broker; what the server does with it shows in its state alone.
func (x *systems) publish(source *plan.Source, one sample, body []byte) {
	x.t.Helper()
	topic := strings.NewReplacer("+", "test", "#", "test").Replace(source.Transport.Topics[0])
	host, port, _ := strings.Cut(x.broker, ":")
	cmd := exec.CommandContext(x.t.Context(), "mosquitto_pub", "-V", "5", "-h", host, "-p", port, "-q", "1", "-t", topic, "-m", string(body))
	before := x.ignored(source.ID)
	if out, err := cmd.CombinedOutput(); err != nil {
		x.t.Fatalf("%v: %s", err, out)
	}
	if one.Outcome == "ignored" {
		eventually(x.t, one.File+" is heard", func() bool { return x.ignored(source.ID) != before })
		return
	}
	id := alert.KeyOf(source.ID, one.ID).IncidentID()
	officer := must(x.t)(x.keys.seat("centre-leader"))
	eventually(x.t, one.File+" is an incident "+id, func() bool {
		status, _, err := x.s.do(http.MethodGet, "/api/v1/incidents/"+id, officer, "", "")
		return err == nil && status == http.StatusOK
	})
	x.look(one, id)
}

// ignored returns when a source was heard last, as text.
func (x *systems) ignored(source string) string {
	_, b, err := x.s.do(http.MethodGet, "/api/v1/sources", must(x.t)(x.keys.seat("centre-leader")), "", "")
	var list struct {
		Sources []struct {
			ID        string
			LastHeard string `json:"last_heard"`
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		x.t.Fatalf("%v: %s", err, b)
	}
	for _, s := range list.Sources {
		if s.ID == source {
			return s.LastHeard
		}
	}
	x.t.Fatalf("no source %s in %s", source, b)
	return ""
}

// look compares an incident with what is expected.
func (x *systems) look(one sample, id string) {
	x.t.Helper()
	officer := must(x.t)(x.keys.seat(one.Lead + "-1"))
	status, b, err := x.s.do(http.MethodGet, "/api/v1/incidents/"+id, officer, "", "")
	var inc alert.Incident
	if err == nil {
		err = json.Unmarshal(b, &inc)
	}
	if err != nil || status != http.StatusOK {
		x.t.Fatalf("%s: %d %.300s %v", one.File, status, b, err)
	}
	var wrong []string
	miss := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if inc.Type != one.Type {
		miss("type %s, want %s", inc.Type, one.Type)
	}
	if one.Priority != "" && inc.Priority.String() != one.Priority {
		miss("priority %s, want %s", inc.Priority, one.Priority)
	}
	if lead := inc.Lead(); lead == nil || lead.Department != one.Lead {
		miss("lead %+v, want %s", lead, one.Lead)
	}
	for _, d := range one.Supports {
		if !slices.ContainsFunc(inc.Tasks, func(t *alert.Task) bool { return t.Department == d }) {
			miss("no task of %s", d)
		}
	}
	if one.Area != "" && !slices.Contains(inc.Areas, one.Area) {
		miss("areas %v, want %s", inc.Areas, one.Area)
	}
	if !strings.Contains(inc.Text, one.Text) {
		miss("text %q, want %q in it", inc.Text, one.Text)
	}
	if (inc.Unconfirmed != nil) != one.Unconfirmed {
		miss("unconfirmed: %+v, want %v", inc.Unconfirmed, one.Unconfirmed)
	}
	if string(inc.WarningLevel) != one.WarningLevel {
		miss("warning level %q, want %q", inc.WarningLevel, one.WarningLevel)
	}
	if len(one.Sealed) > 0 {
		_, timeline, _ := x.s.do(http.MethodGet, "/api/v1/incidents/"+id+"/timeline", officer, "", "")
		for _, secret := range one.Sealed {
			if strings.Contains(string(b)+string(timeline), secret) {
				miss("%s is there in plain", secret)
			}
		}
		if status, b, _ := x.s.do(http.MethodGet, "/api/v1/incidents/"+id, must(x.t)(x.keys.of(wallKey)), "", ""); status == http.StatusOK {
			miss("a wall reads it: %s", b)
		}
	}
	if len(wrong) > 0 {
		x.t.Errorf("%s: %s", one.File, strings.Join(wrong, "; "))
	}
}

// startBroker runs mosquitto until the test ends.
func startBroker(t *testing.T, address string) {
	t.Helper()
	host, port, _ := strings.Cut(address, ":")
	conf := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(conf, []byte(fmt.Sprintf("listener %s %s\nallow_anonymous true\n", port, host)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "mosquitto", "-c", conf)
	log := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
}
