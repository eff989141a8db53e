package telemetry

import (
	"bytes"
	"encoding/json"
)

// The JSON of Grafana's dashboards, as much of it as is used: Grafana 10 and later read it.
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
const grafanaSchema = 39

// Dashboard is a dashboard of Grafana.
type Dashboard struct {
	UID           string      `json:"uid"`
	Title         string      `json:"title"`
	Description   string      `json:"description"`
	Tags          []string    `json:"tags"`
	SchemaVersion int         `json:"schemaVersion"`
	Version       int         `json:"version"`
	Timezone      string      `json:"timezone"` // the city's
	Editable      bool        `json:"editable"`
	GraphTooltip  int         `json:"graphTooltip"` // 1: one crosshair for all panels
	Refresh       string      `json:"refresh"`
	Time          TimeRange   `json:"time"`
	Templating    Templating  `json:"templating"`
	Links         []BoardLink `json:"links"`
	Panels        []Panel     `json:"panels"`
}

// TimeRange is what a dashboard shows at first.
type TimeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// BoardLink leads to the other dashboards with a tag.
type BoardLink struct {
	Title       string   `json:"title"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	KeepTime    bool     `json:"keepTime"`
	IncludeVars bool     `json:"includeVars"`
}

// Templating holds the variables that a reader chooses.
type Templating struct {
	List []Variable `json:"list"`
}

// Variable is chosen at the head of a dashboard.
type Variable struct {
	Name       string      `json:"name"`
	Label      string      `json:"label"`
	Type       string      `json:"type"`            // datasource or query
	Query      string      `json:"query,omitempty"` // the kind of source, or the query for the values
	Datasource *Datasource `json:"datasource,omitempty"`
	Refresh    int         `json:"refresh,omitempty"` // 2: whenever the time range changes
	Multi      bool        `json:"multi,omitempty"`
	IncludeAll bool        `json:"includeAll,omitempty"`
	AllValue   string      `json:"allValue,omitempty"`
	Sort       int         `json:"sort,omitempty"` // 1: by the alphabet
}

// Datasource is where a query is asked.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Panel is one picture on a dashboard.
type Panel struct {
	ID          int            `json:"id"`
	Type        string         `json:"type"` // stat, timeseries or bargauge
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	GridPos     GridPos        `json:"gridPos"`
	Datasource  Datasource     `json:"datasource"`
	Targets     []Target       `json:"targets"`
	FieldConfig FieldConfig    `json:"fieldConfig"`
	Options     map[string]any `json:"options,omitempty"`
}

// GridPos is where a panel stands; a dashboard is 24 wide.
type GridPos struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Target is a query of a panel.
type Target struct {
	RefID        string     `json:"refId"`
	Datasource   Datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat,omitempty"`
	Instant      bool       `json:"instant,omitempty"`
	Range        bool       `json:"range,omitempty"`
}

// FieldConfig says how the values of a panel are shown.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field is how a value is shown.
type Field struct {
	Unit       string         `json:"unit,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	Thresholds *Thresholds    `json:"thresholds,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
}

// Thresholds colour a value by the last step it has reached.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is a threshold: from Value on the colour is Color. The first has no value.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override shows the values of one query otherwise.
type Override struct {
	Matcher    Property   `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Property is a setting by its name.
type Property struct {
	ID      string `json:"id,omitempty"`
	Options string `json:"options,omitempty"`
	Value   any    `json:"value,omitempty"`
}

// Bytes returns the dashboard as it is written.
func (d Dashboard) Bytes() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // queries compare
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		panic("telemetry: dashboard: " + err.Error()) // strings and numbers always encode
	}
	return b.Bytes()
}

var chosenSource = Datasource{Type: "prometheus", UID: "${datasource}"}

// Thresholds by what is bad: a value from bad on, and one that has not reached good.
func badFrom(bad float64) *Thresholds {
	return &Thresholds{"absolute", []Step{{"green", nil}, {"red", &bad}}}
}

func goodFrom(good float64) *Thresholds {
	return &Thresholds{"absolute", []Step{{"red", nil}, {"green", &good}}}
}

// panel makes a panel; ids and places are given when the dashboard is put together.
func panel(kind, title, unit string, width int, targets ...Target) Panel {
	p := Panel{Type: kind, Title: title, GridPos: GridPos{H: 8, W: width}, Datasource: chosenSource,
		FieldConfig: FieldConfig{Defaults: Field{Unit: unit, Thresholds: &Thresholds{"absolute", []Step{{"blue", nil}}}}, Overrides: []Override{}}} // Grafana's own limit is 80
	for i, t := range targets {
		if t.RefID == "" {
			t.RefID = string(rune('A' + i))
		}
		t.Datasource, t.Instant, t.Range = chosenSource, kind != "timeseries", kind == "timeseries"
		p.Targets = append(p.Targets, t)
	}
	switch kind {
	case "stat":
		p.GridPos.H = 4
		p.Options = map[string]any{"colorMode": "background", "graphMode": "none", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}}}
	case "bargauge":
		p.Options = map[string]any{"orientation": "horizontal", "displayMode": "lcd", "reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}}}
	case "timeseries":
		p.Options = map[string]any{"legend": map[string]any{"displayMode": "list", "placement": "bottom"}, "tooltip": map[string]any{"mode": "multi", "sort": "desc"}}
	}
	return p
}

// over colours a panel, if there is a limit; on a graph it is a line.
func (p Panel) over(t *Thresholds) Panel {
	if t == nil {
		return p
	}
	p.FieldConfig.Defaults.Thresholds = t
	if p.Type == "timeseries" {
		p.FieldConfig.Defaults.Custom = map[string]any{"thresholdsStyle": map[string]any{"mode": "dashed"}}
	}
	return p
}

// arranged gives panels their ids and their places, from left to right and from the top down.
func arranged(panels []Panel) []Panel {
	x, y, row := 0, 0, 0
	for i := range panels {
		p := &panels[i]
		if x+p.GridPos.W > 24 {
			x, y, row = 0, y+row, 0
		}
		p.ID, p.GridPos.X, p.GridPos.Y = i+1, x, y
		x, row = x+p.GridPos.W, max(row, p.GridPos.H)
	}
	return panels
}
