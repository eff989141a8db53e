package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

func sourceInferCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "infer SAMPLE...",
		Short: "Draft a profile from sample messages",
		Long: `Draft a profile from sample messages (files of JSON, NDJSON or CSV) and print it. What is guessed is said, what
only you can know is marked TODO. Take many samples of every kind: an alarm, a change, an all-clear, a test.`,
		Example: `  banyan source infer samples/*.json > configs/fuzhou/sources/tunnel-fans.yaml
  banyan source infer day.csv`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := fields{}
			n := 0
			for _, name := range args {
				samples, err := readSamples(name, cmd.InOrStdin())
				if err != nil {
					return err
				}
				for _, s := range samples {
					if s.err != nil {
						return fmt.Errorf("%s: %w", s.name, s.err)
					}
					f.gather("m", s.message.Body)
					n++
				}
			}
			draft{fields: f, samples: n, used: map[string]bool{}}.write(cmd.OutOrStdout())
			return nil
		},
	}
}

// Bounds of what is kept of samples.
const (
	maxPaths    = 500
	maxDistinct = 1_000 // values of one path
	maxTable    = 20    // of which a table is drafted
)

// field is what samples say at one path.
type field struct {
	path   string // as an expression
	name   string // the last part of it
	seen   int
	values map[string]int // how often each
	first  string
}

type fields map[string]*field

// gather adds the values in v below path. Lists are left out: which of their members is meant nobody can guess.
func (f fields) gather(path string, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		text, err := plan.Text(v)
		if err != nil || text == "" {
			return
		}
		x := f[path]
		if x == nil {
			if len(f) >= maxPaths {
				return
			}
			x = &field{path: path, values: map[string]int{}, first: text}
			f[path] = x
		}
		if x.seen++; len(x.values) < maxDistinct {
			x.values[text]++
		}
		return
	}
	for _, k := range slices.Sorted(maps.Keys(object)) {
		at := path + "." + k
		if !plainName.MatchString(k) {
			at = path + "[" + strconv.Quote(k) + "]"
		}
		f.gather(at, object[k])
		if x := f[at]; x != nil {
			x.name = k
		}
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// draft writes a profile of what is guessed.
type draft struct {
	fields  fields
	samples int
	used    map[string]bool
}

// Names that tell what a field is, in the order in which they are believed.
var (
	namesID       = []string{`^(alarm|event|alert|warn(ing)?|case|msg|message|record|报警|告警|警情|事件)_?(id|no|number|code|编号|号|标识)$`, `^(id|uuid|guid|编号|流水号)$`, `(id|no|编号)$`}
	namesTime     = []string{`(occur|alarm|happen|event|report|发生|报警|告警).*(time|at|时间)`, `^(time|timestamp|ts|datetime|date|时间)$`, `(time|时间|日期|_at)$`}
	namesLon      = []string{`^(lon|lng|long|longitude|经度)$`, `(lon|lng|longitude|经度)$`, `^x$`}
	namesLat      = []string{`^(lat|latitude|纬度)$`, `(lat|latitude|纬度)$`, `^y$`}
	namesType     = []string{`^(alarm|event|alert|warn(ing)?)_?(type|kind|code)$`, `^(type|kind|category|类型|类别|报警类型)$`, `(type|kind|category|类型|类别)$`}
	namesPriority = []string{`^(level|priority|severity|grade|urgency|级别|等级|优先级)$`, `(level|priority|severity|级别|等级)$`}
	namesState    = []string{`^(state|status|action|op|operation|msg_?type|状态|动作)$`, `(state|status|状态)$`}
	namesText     = []string{`^(text|content|desc|description|message|detail|reason|内容|描述|详情|简要案情)$`, `(content|desc|description|内容|描述)`, `(address|addr|地址|name|名称)$`}
	namesDevice   = []string{`(device|sensor|station|site|equipment|terminal|meter|设备|站点|终端|测点).*(id|no|code|编号|编码)?$`}
	namesReporter = []string{`(phone|mobile|tel|caller|reporter|openid|user_?id|电话|手机|报警人|举报人)`}
)

// find takes the field whose name fits best and whose values do.
func (d draft) find(names []string, fits func(*field) bool) *field {
	for _, pattern := range names {
		re := regexp.MustCompile(`(?i)` + pattern)
		var best *field
		for _, path := range slices.Sorted(maps.Keys(d.fields)) {
			x := d.fields[path]
			if !d.used[path] && re.MatchString(x.name) && (fits == nil || fits(x)) && (best == nil || x.seen > best.seen) {
				best = x
			}
		}
		if best != nil {
			d.used[best.path] = true
			return best
		}
	}
	return nil
}

func (x *field) numbers(least, most float64) bool {
	for v := range x.values {
		if n, err := strconv.ParseFloat(v, 64); err != nil || n < least || n > most {
			return false
		}
	}
	return true
}

func few(x *field) bool { return len(x.values) <= maxTable }

// timeForms are what is tried, with how a profile says it.
var timeForms = []struct{ form, layout string }{{"rfc3339", time.RFC3339}, {"YYYY-MM-DD hh:mm:ss", "2006-01-02 15:04:05"}, {"YYYY/MM/DD hh:mm:ss", "2006/01/02 15:04:05"},
	{"YYYYMMDDhhmmss", "20060102150405"}, {"YYYY-MM-DDThh:mm:ss", "2006-01-02T15:04:05"}, {"YYYY-MM-DD hh:mm", "2006-01-02 15:04"}, {"unix_ms", ""}, {"unix", ""}}

// form returns how a field writes times, "" if it holds none.
func (x *field) form() string {
	for _, f := range timeForms {
		fits := true
		for v := range x.values {
			var err error
			switch f.form {
			case "unix_ms":
				fits = fits && x.numbers(1e11, 1e14)
			case "unix":
				fits = fits && x.numbers(1e8, 1e11)
			default:
				_, err = time.Parse(f.layout, v)
			}
			fits = fits && err == nil
		}
		if fits {
			return f.form
		}
	}
	return ""
}

func (d draft) write(w io.Writer) {
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	at := d.find(namesTime, func(x *field) bool { return x.form() != "" })
	lon := d.find(namesLon, func(x *field) bool { return x.numbers(-180, 180) })
	lat := d.find(namesLat, func(x *field) bool { return x.numbers(-90, 90) })
	kind, state, level := d.find(namesType, few), d.find(namesState, few), d.find(namesPriority, few)
	id := d.find(namesID, func(x *field) bool { return len(x.values)*2 >= x.seen })
	device, reporter, text := d.find(namesDevice, nil), d.find(namesReporter, nil), d.find(namesText, nil)
	say("# Drafted from %d samples by banyan source infer. Mend every TODO, then: banyan source test THIS-FILE SAMPLES", d.samples)
	say("name: TODO                       # what people call the system")
	say("name_en: TODO\ndepartment: TODO                 # an id of departments.yaml")
	say("datum: gcj02                     # TODO of its positions: wgs84 (GPS, BeiDou), gcj02 (Chinese maps), bd09 (Baidu)")
	say("types: [TODO]                    # codes of types.yaml it may send, such as road.* or gas.leak")
	say("# heartbeat: 5m                  # silence beyond it is an incident of the centre")
	if reporter != nil {
		say("# trust: {level: low, priority: P4}    # where anybody may report: until a second one does")
		say("# seal: [attributes.%s]          # who reported must not be seen by everybody", reporter.name)
	}
	if at != nil && at.form() != "rfc3339" {
		say("time: {format: %q}   # guessed from %s: %s; without an offset, in the city's time", at.form(), at.path, at.first)
	}
	say("map:")
	if state != nil {
		d.table(w, "operation", state, "alert", "alert, update, cancel, ignore or telemetry")
	}
	d.rule(w, "id", id, "the source's own id of the alert: a repeat has the same")
	if kind != nil {
		d.table(w, "type", kind, "TODO", "codes of types.yaml; add a default: to take what is not listed")
	} else {
		say("  type: {value: TODO}            # a code of types.yaml")
	}
	d.rule(w, "occurred_at", at, "when it happened")
	if lon != nil && lat != nil {
		say("  location: {lon: %s, lat: %s}   # such as %s, %s", yamlText(lon.path), yamlText(lat.path), lon.first, lat.first)
	} else {
		say("  area: TODO                     # no position was found: want the code of an area, or location: {lon: …, lat: …}")
	}
	if level != nil {
		d.table(w, "priority", level, `""`, "P1 to P4; nothing: the type's own")
	}
	d.optional(w, "text", text)
	d.optional(w, "incident_ref", device)
	d.optional(w, "reporter", reporter)
	var rest []string
	for path := range d.fields {
		if !d.used[path] || reporter != nil && path == reporter.path {
			rest = append(rest, path)
		}
	}
	sort.Strings(rest)
	if len(rest) > 0 {
		say("  attributes:                    # what officers and plans may look at; drop what nobody needs")
	}
	names := map[string]bool{}
	for _, path := range rest {
		x := d.fields[path]
		name := x.name
		for names[name] {
			name += "_"
		}
		names[name] = true
		say("    %s: %s   # in %d of %d, such as %s", yamlText(name), yamlText(path), x.seen, d.samples, short(x.first))
	}
}

func (d draft) rule(w io.Writer, key string, x *field, what string) {
	if x == nil {
		fmt.Fprintf(w, "  %s: TODO   # %s\n", key, what)
		return
	}
	fmt.Fprintf(w, "  %s: %s   # %s; in %d of %d, %d different, such as %s\n", key, yamlText(x.path), what, x.seen, d.samples, len(x.values), short(x.first))
}

func (d draft) optional(w io.Writer, key string, x *field) {
	if x != nil {
		fmt.Fprintf(w, "  %s: %s   # such as %s\n", key, yamlText(x.path), short(x.first))
	}
}

// table drafts a look-up of the values that were seen.
func (d draft) table(w io.Writer, key string, x *field, to, what string) {
	fmt.Fprintf(w, "  %s:                            # %s\n    from: %s\n    table:\n", key, what, yamlText(x.path))
	for _, v := range slices.Sorted(maps.Keys(x.values)) {
		fmt.Fprintf(w, "      %s: %s   # TODO, seen %d times\n", strconv.Quote(v), to, x.values[v])
	}
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// yamlText quotes what YAML would take for something else.
func yamlText(s string) string {
	if regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_.]*$`).MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
