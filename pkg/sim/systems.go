package sim

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// System is a source of the city whose messages have a shape of their own: what it sends, as recorded samples show,
// is sent again over its own transport, with new numbers, times and places.
type System struct {
	Source   *plan.Source
	messages []message
}

// message is one sample of a system.
type message struct {
	file string
	text string
	vary vary
}

// vary names the literal texts of a sample that no two messages have in common.
type vary struct {
	ID   []string          `yaml:"id"`   // numbers
	Time map[string]string `yaml:"time"` // by text, its format, as docs/sources.md words it
	Lon  string            `yaml:"lon"`
	Lat  string            `yaml:"lat"`
	Each *each             `yaml:"each"`
}

// maxSample bounds a file of samples in bytes.
const maxSample = 1 << 20

// ReadSystems reads the samples of a city's systems: of each folder, those that its expect.yaml says are taken. Sources
// in Banyan's own shape are left out, the city calls through them anyway. A city without samples has no systems.
func ReadSystems(samples fs.FS, city *plan.City) (list []System, err error) {
	folders, err := fs.ReadDir(samples, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		source, ok := city.Source(f.Name())
		if !ok || source.Plain() {
			continue
		}
		messages, err := readMessages(samples, f.Name(), city)
		if err != nil {
			return nil, err
		}
		if len(messages) > 0 {
			list = append(list, System{source, messages})
		}
	}
	return list, nil
}

func readMessages(samples fs.FS, dir string, city *plan.City) (list []message, err error) {
	b, err := fs.ReadFile(samples, path.Join(dir, "expect.yaml"))
	if err != nil {
		return nil, err
	}
	var expected []struct {
		File    string `yaml:"file"`
		Outcome string `yaml:"outcome"`
		Vary    vary   `yaml:"vary"`
	}
	if err := yaml.Unmarshal(b, &expected); err != nil {
		return nil, fmt.Errorf("%s/expect.yaml: %w", dir, err)
	}
	for _, e := range expected {
		if e.Outcome == "quarantined" || e.Outcome == "refused" {
			continue
		}
		b, err := fs.ReadFile(samples, path.Join(dir, e.File))
		if err != nil {
			return nil, err
		}
		if len(b) > maxSample {
			return nil, fmt.Errorf("%s/%s is longer than %d bytes", dir, e.File, maxSample)
		}
		m := message{dir + "/" + e.File, string(b), e.Vary}
		for _, text := range m.texts() {
			if text != "" && !strings.Contains(m.text, text) {
				return nil, fmt.Errorf("%s: %q, which varies, is not in it", m.file, text)
			}
		}
		if m.vary.Each != nil {
			if _, _, err := m.vary.Each.check(city, m.text); err != nil {
				return nil, fmt.Errorf("%s: %w", m.file, err)
			}
		}
		list = append(list, m)
	}
	return list, nil
}

func (m *message) texts() []string {
	out := append([]string{m.vary.Lon, m.vary.Lat}, m.vary.ID...)
	for text := range m.vary.Time {
		out = append(out, text)
	}
	return out
}

// round is what the messages of a system have in common until all have been sent: a change must find its alert.
type round struct {
	suffix      string  // of numbers
	east, north float64 // in degrees
	now         time.Time
}

// of returns a sample as it is sent in a round.
func (m *message) of(r round) []byte {
	var pairs []string
	for _, id := range m.vary.ID {
		pairs = append(pairs, id, id+r.suffix)
	}
	for text, format := range m.vary.Time {
		pairs = append(pairs, text, written(r.now, format))
	}
	pairs = append(pairs, shifted(m.vary.Lon, r.east)...)
	pairs = append(pairs, shifted(m.vary.Lat, r.north)...)
	return []byte(strings.NewReplacer(pairs...).Replace(m.text))
}

func shifted(text string, by float64) []string {
	degrees, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	return []string{text, strconv.FormatFloat(degrees+by, 'f', 6, 64)}
}

var letters = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05")

func written(t time.Time, format string) string {
	switch format {
	case "rfc3339":
		return t.Format("2006-01-02T15:04:05-07:00") // CAP knows no Z
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.Format(letters.Replace(format))
}

// systemShare is how many messages of systems come beside each happening.
const systemShare = 1.0 / 3

// talk lets the systems send in turn, one message at a time, until ctx ends.
func (w *world) talk(ctx context.Context, client *http.Client) {
	o := w.o
	if len(o.Systems) == 0 || o.PerMinute <= 0 {
		return
	}
	every := time.Duration(float64(time.Minute) / (o.PerMinute * systemShare))
	next, rounds := make([]int, len(o.Systems)), make([]round, len(o.Systems))
	for n := 0; ; n++ {
		i := n % len(o.Systems)
		s := &o.Systems[i]
		if next[i] == 0 {
			const spread = 0.004 // degrees, about 400 m
			rounds[i] = round{suffix: "-" + w.run + strconv.Itoa(n), east: w.rng.NormFloat64() * spread, north: w.rng.NormFloat64() * spread}
		}
		rounds[i].now = time.Now().In(o.City.Zone)
		m := &s.messages[next[i]]
		next[i] = (next[i] + 1) % len(s.messages)
		if err := o.transmit(ctx, client, s.Source, m.of(rounds[i])); err != nil && ctx.Err() == nil {
			o.Logger.Warn("demo: a message was refused", "sample", m.file, "error", err)
		}
		if !sleep(ctx, every) {
			return
		}
	}
}

// transmit sends a message over the transport of its source.
func (o *Options) transmit(ctx context.Context, client *http.Client, source *plan.Source, body []byte) error {
	path, kind := "/api/v1/alerts", "application/json"
	switch source.Transport.Kind {
	case plan.TransportCAP:
		path, kind = "/api/v1/cap", "application/cap+xml"
	case plan.TransportCloudEvents:
		path, kind = "/api/v1/cloudevents", "application/cloudevents+json"
	case plan.TransportMQTT:
		if o.Publish == nil {
			return nil
		}
		return o.Publish(source.Transport.Broker, strings.NewReplacer("+", "demo", "#", "demo").Replace(source.Transport.Topics[0]), body)
	}
	status, answer, err := postAs(ctx, client, o.Server+path, o.SourceTokens[source.ID], kind, body)
	if err == nil && status >= http.StatusBadRequest && status != http.StatusServiceUnavailable {
		err = fmt.Errorf("status %d: %s", status, answer)
	}
	return err
}

// beat says for every source that must be heard that it lives, three times as often as it must, until ctx ends.
func beat(ctx context.Context, client *http.Client, o *Options) {
	const often = 3
	next := map[string]time.Time{}
	for {
		wake := time.Now().Add(time.Hour)
		for _, s := range o.City.Sources {
			token := o.SourceTokens[s.ID]
			if s.Heartbeat <= 0 || token == "" {
				continue
			}
			if now := time.Now(); !next[s.ID].After(now) {
				next[s.ID] = now.Add(s.Heartbeat / often)
				status, answer, err := post(ctx, client, o.Server+"/api/v1/sources/"+s.ID+"/heartbeat", token, nil)
				if err == nil && status >= http.StatusBadRequest {
					o.Logger.Warn("demo: a heartbeat was refused", "source", s.ID, "status", status, "answer", string(answer))
				}
			}
			if next[s.ID].Before(wake) {
				wake = next[s.ID]
			}
		}
		if !sleep(ctx, time.Until(wake)) {
			return
		}
	}
}
