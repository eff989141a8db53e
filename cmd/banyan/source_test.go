package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fanSamples = `{"alarmNo":350100201912310001,"state":"ALARM","alarmType":"FAN","level":"2","alarmTime":"2026-05-01 08:30:00","pos":{"lng":119.31,"lat":26.08},"deviceId":"F-1","content":"风机停转","temp F":212}
{"alarmNo":350100201912310001,"state":"CLEAR","alarmType":"FAN","level":"2","alarmTime":"2026-05-01 08:40:00","pos":{"lng":119.31,"lat":26.08},"deviceId":"F-1","content":"恢复","temp F":100}
`

// TestSourceFromSamples does what a newcomer does: draft a profile, mend what is marked, try it.
func TestSourceFromSamples(t *testing.T) {
	dir := cityCopy(t, repository+"/configs/fuzhou")
	samples := filepath.Join(t.TempDir(), "day.ndjson")
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(samples, fanSamples)
	r := banyan(t, "source", "infer", samples)
	if r.code != 0 || r.err != "" {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{"id: m.alarmNo", "location: {lon: m.pos.lng, lat: m.pos.lat}", `format: "YYYY-MM-DD hh:mm:ss"`, "incident_ref: m.deviceId", `'temp F': 'm["temp F"]'`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the draft does not say %q:\n%s", want, r.out)
		}
	}
	profile := filepath.Join(dir, "sources", "fans.yaml")
	put(profile, r.out)
	if r := banyan(t, "source", "test", profile, samples); r.code != 1 || !strings.Contains(r.err, `sources/fans.yaml:4: no department "TODO"`) {
		t.Errorf("an unmended draft: %+v", r)
	}
	mended := strings.NewReplacer("department: TODO", "department: transport", "types: [TODO]", "types: [road.tunnel]", `"FAN": TODO`, `"FAN": road.tunnel`, `"CLEAR": alert`, `"CLEAR": cancel`).Replace(r.out)
	put(profile, mended)
	good := banyan(t, "source", "test", profile, samples)
	if good.code != 0 || !strings.Contains(good.out, "→ accepted\n    opens road.tunnel, P1, in 350102 鼓楼区, plan road-tunnel, at 119.305") || !strings.Contains(good.out, "→ cancelled\n") || !strings.Contains(good.out, "2 of 2 samples are mapped") {
		t.Errorf("%+v", good)
	}
	put(samples, strings.Replace(fanSamples, `"FAN"`, `"SMOKE"`, 1)+`{"alarmNo":1}`)
	bad := banyan(t, "source", "test", profile, samples)
	if bad.code != 1 || !strings.Contains(bad.out, `the table has no entry for "SMOKE"`) || !strings.Contains(bad.out, "→ quarantined: type") || !strings.Contains(bad.out, "1 of 3 samples are mapped") {
		t.Errorf("%+v", bad)
	}
	table := filepath.Join(t.TempDir(), "day.csv")
	put(table, "\ufeff报警编号;类型;发生时间;经度;纬度;描述\n7;积水;1777595400000;119.3;26.08;齐膝\n")
	if r := banyan(t, "source", "infer", table); r.code != 0 || !strings.Contains(r.out, `id: 'm["报警编号"]'`) || !strings.Contains(r.out, `format: "unix_ms"`) || !strings.Contains(r.out, `lon: 'm["经度"]'`) {
		t.Errorf("from CSV: %+v", r)
	}
	for _, args := range [][]string{{"source", "test", profile, "/nowhere"}, {"source", "test", profile}, {"source", "infer"}, {"source", "mend"}} {
		if r := banyan(t, args...); r.code != 1 || r.err == "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// TestSourceOfTransports: samples are read as the transport of the profile reads them.
func TestSourceOfTransports(t *testing.T) {
	sources := repository + "/configs/fuzhou/sources/"
	for profile, x := range map[string]struct {
		sample string
		want   []string
	}{
		"weather-cap.yaml": {"weather-cap/rainstorm.xml", []string{"→ accepted\n    opens weather.rainstorm", "350102 鼓楼区", "1 of 1 samples are mapped"}},
		"xueliang.yaml":    {"xueliang/smoke.json", []string{"→ accepted\n    opens fire.smoke, P2", "/xueliang/analysis/3#evt-20251125-5512", "1 of 1 samples are mapped"}},
	} {
		if r := banyan(t, "source", "test", sources+profile, sources+"samples/"+x.sample); r.code != 0 {
			t.Errorf("%s: %+v", profile, r)
		} else {
			for _, want := range x.want {
				if !strings.Contains(r.out, want) {
					t.Errorf("%s does not say %q:\n%s", profile, want, r.out)
				}
			}
		}
		other := filepath.Join(t.TempDir(), "other.json")
		if err := os.WriteFile(other, []byte(`{"id":"7"}`), 0o644); err != nil {
			t.Fatal(err)
		}
		if r := banyan(t, "source", "test", sources+profile, other); r.code != 1 || !strings.Contains(r.out, "refused: ") || !strings.Contains(r.out, "0 of 1 samples are mapped") {
			t.Errorf("%s with what is none of its messages: %+v", profile, r)
		}
	}
	smoke, err := os.ReadFile(sources + "samples/xueliang/smoke.json")
	if err != nil {
		t.Fatal(err)
	}
	batch := filepath.Join(t.TempDir(), "batch.json")
	if err := os.WriteFile(batch, []byte("["+string(smoke)+","+string(smoke)+"]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := banyan(t, "source", "test", sources+"xueliang.yaml", batch); r.code != 0 || !strings.Contains(r.out, "→ duplicate") || !strings.Contains(r.out, "2 of 2") {
		t.Errorf("a batch: %+v", r)
	}
}

// TestSourceOfLayers: what of a sample goes to its source's layer is shown field by field, as if it came when it was measured.
func TestSourceOfLayers(t *testing.T) {
	sources := repository + "/configs/fuzhou/sources/"
	for profile, x := range map[string]struct {
		sample string
		want   []string
	}{
		"traffic.yaml": {"traffic/slow.json", []string{"layer.state              slow", "layer.geometry           LineString of register roads: 东大路 五一路口—六一路口",
			"→ ignored: by the profile: telemetry; on the layer: 350102-0442-1 is slow", "1 of 1 samples are mapped"}},
		"river-gauge.yaml": {"river-gauge/warning.json", []string{`layer.geometry           {"type":"Point","coordinates":[119.1045,26.1479]}`, "layer.label              竹岐站", "opens flood.level"}},
	} {
		r := banyan(t, "source", "test", sources+profile, sources+"samples/"+x.sample)
		for _, want := range x.want {
			if r.code != 0 || !strings.Contains(r.out, want) {
				t.Errorf("%s does not say %q: %+v", profile, want, r)
			}
		}
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere.json")
	if err := os.WriteFile(nowhere, []byte(`{"segment":"x-1","index":1,"closed":false,"minutes":0,"time":"20251125100400"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	r := banyan(t, "source", "test", sources+"traffic.yaml", nowhere)
	if r.code != 1 || !strings.Contains(r.out, "layer.geometry ✗         not in register roads: add it, or mend layer.feature") || !strings.Contains(r.out, "0 of 1 samples are mapped") {
		t.Errorf("%+v", r)
	}
}
