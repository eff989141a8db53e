package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// call is one alert to come.
type call struct {
	at       time.Time
	source   *plan.Source
	kind     *plan.Type
	id       string
	position geo.Point
	caller   int // 0 for the first
	floors   int
	injured  int
}

// send posts the alert, and once more while the server is away; a repeated one does no harm.
func (c *call) send(ctx context.Context, client *http.Client, o *Options) {
	body, err := c.body(o.City)
	if err != nil {
		o.Logger.Error("demo", "error", err)
		return
	}
	const attempts = 5
	for i := range attempts {
		status, answer, err := post(ctx, client, o.Server+"/api/v1/alerts", o.SourceTokens[c.source.ID], body)
		if err == nil && status == http.StatusAccepted {
			return
		}
		if err == nil && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			o.Logger.Warn("demo: an alert was refused", "source", c.source.ID, "type", c.kind.Code, "status", status, "answer", string(answer))
			return
		}
		if !sleep(ctx, time.Duration(i+1)*time.Second) {
			return
		}
	}
}

func (c *call) body(city *plan.City) ([]byte, error) {
	p, err := geo.FromWGS84(c.position, c.source.Datum)
	if err != nil {
		return nil, err
	}
	place := city.Areas.Locate(c.position)
	where := ""
	if a, ok := city.Areas.Area(place.Path[len(place.Path)-1]); ok {
		where = a.Name
	}
	text := fmt.Sprintf("%s:%s %s", c.source.Name, where, c.kind.Name)
	if c.caller > 0 {
		text = fmt.Sprintf("%s:又一来电,%s %s", c.source.Name, where, c.kind.Name)
	}
	return json.Marshal(map[string]any{
		"id": c.id, "type": c.kind.Code, "occurred_at": alert.TimeOf(c.at), "text": text,
		"location":   map[string]any{"lon": p.Lon, "lat": p.Lat, "accuracy_m": 30},
		"attributes": map[string]any{"demo": true, "floors": c.floors, "injured": c.injured},
	})
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

func post(ctx context.Context, client *http.Client, url, token string, body []byte) (status int, answer []byte, err error) {
	return postAs(ctx, client, url, token, "application/json", body)
}

func postAs(ctx context.Context, client *http.Client, url, token, kind string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, err
}

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
