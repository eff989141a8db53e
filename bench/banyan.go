package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/bench"
)

// serving is what banyan serve logs when it answers.
var serving = regexp.MustCompile(`msg=serving .*address=(\S+)`)

// centre is a banyan serve that runs, and how to reach it.
type centre struct {
	*process
	url     string
	sources []string // tokens
	wall    string   // token
	kind    string   // type of alerts
	data    string
}

// startCentre runs banyan serve on a data folder of its own, with prepare called before.
func startCentre(d *driver, prepare func(data string) error) (c *centre, err error) {
	kind, sources := bench.Patient(d.city)
	if len(sources) == 0 {
		return nil, errors.New("no source of this city may send any type of priority P4")
	}
	c = &centre{kind: kind.Code}
	if c.data, err = d.dir("banyan"); err != nil {
		return nil, err
	}
	for _, s := range sources {
		token, err := auth.Add(c.data, auth.Key{Role: auth.RoleSource, Source: s.ID})
		if err != nil {
			return nil, err
		}
		c.sources = append(c.sources, token)
	}
	if c.wall, err = auth.Add(c.data, auth.Key{Role: auth.RoleWall, Name: "bench"}); err != nil {
		return nil, err
	}
	if prepare != nil {
		if err := prepare(c.data); err != nil {
			return nil, err
		}
	}
	return c, c.launch(d)
}

// launch starts the process on what lies in its folder.
func (c *centre) launch(d *driver) error {
	p, m, err := launch(serving, d.banyan, "serve", "--city", d.cityDir, "--data", c.data, "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.process, c.url = p, "http://"+m[1]
	return nil
}

// stop ends the process and removes its folder.
func (c *centre) stop() {
	c.process.stop()
	_ = os.RemoveAll(c.data)
}

// receipt is what is read of the answer to an alert.
type receipt struct {
	Seq   uint64            `json:"seq"`
	Tasks []json.RawMessage `json:"tasks"`
}

// report posts an alert; the key is the sequence of its last event.
func (c *centre) report(ctx context.Context, n uint64, body []byte) (uint64, error) {
	answer, err := post(ctx, c.url+"/api/v1/alerts", c.sources[n%uint64(len(c.sources))], "application/json", body)
	var r receipt
	if err == nil {
		err = json.Unmarshal(answer, &r)
	}
	return r.Seq + uint64(len(r.Tasks)), err
}

// startBanyan is the real server with everything that it does of itself: journal, read model, metrics.
func startBanyan(d *driver) (*service, error) {
	c, err := startCentre(d, nil)
	if err != nil {
		return nil, err
	}
	return &service{process: c.process, url: "ws" + c.url[len("http"):] + "/api/v1/stream", protocol: "banyan.v1", token: c.wall, opcode: opText,
		hello: []string{`{"op":"subscribe","topics":["wall"]}`}, ready: `{"op":"snapshot"`, keys: func() keys { return &reaches{} }, upTo: true,
		publish: c.report, end: func() {}}, nil
}

// body is the alert that is posted to every service, the same bytes for all: an incident of its own, 500 bytes.
func (d *driver) body(n uint64) []byte {
	at := bench.Spot(d.city.Centre, n)
	b := fmt.Appendf(nil, `{%s%0*d","type":%q,"occurred_at":%q,"location":{"lon":%.6f,"lat":%.6f},"text":"测试警情","attributes":{"padding":"`,
		idMark, idDigits, n, d.kind, alert.TimeOf(time.Now()).String(), at.Lon, at.Lat)
	for len(b) < bodyBytes-3 {
		b = append(b, 'x')
	}
	return append(b, `"}}`...)
}

// dir makes a folder of its own for a service.
func (d *driver) dir(name string) (string, error) {
	path, err := os.MkdirTemp(d.root, name+"-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
