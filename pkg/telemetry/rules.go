package telemetry

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// RuleFile is a file of Prometheus' rules.
type RuleFile struct {
	Groups []RuleGroup `yaml:"groups"`
}

// RuleGroup is a group of rules that are looked at together.
type RuleGroup struct {
	Name  string `yaml:"name"`
	Rules []Rule `yaml:"rules"`
}

// Rule records a series or raises an alert.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// burn is a pair of windows in which the budget of an objective may burn only so fast: Site Reliability Workbook,
// chapter 5, table 5-8.
type burn struct {
	long, short time.Duration
	factor      float64
	hold        time.Duration
	severity    string
}

var burns = []burn{
	{time.Hour, 5 * time.Minute, 14.4, 2 * time.Minute, "critical"},
	{6 * time.Hour, 30 * time.Minute, 6, 15 * time.Minute, "critical"},
	{24 * time.Hour, 2 * time.Hour, 3, time.Hour, "warning"},
	{72 * time.Hour, 6 * time.Hour, 1, 3 * time.Hour, "warning"},
}

// Of an objective with a wide budget, the fastest burn is one that no share of failures could reach; and of few events
// one late answer is no trend.
const (
	mostErrors  = 0.9
	leastEvents = 5 // in the long window
)

// families names the histogram of each stage and what picks the stage in it.
var families = map[plan.Stage]struct{ name, matcher string }{
	plan.StageAccepted: {name: "banyan_accept_seconds"}, plan.StagePushed: {name: "banyan_push_seconds"}, plan.StageDrawn: {name: "banyan_draw_seconds"},
	plan.StageAssigned: {name: "banyan_assign_seconds"}, plan.StageVerified: {name: "banyan_verify_seconds"},
	plan.StageAcknowledged: {"banyan_response_seconds", `stage="acknowledged"`}, plan.StageDeparted: {"banyan_response_seconds", `stage="departed"`},
	plan.StageOnScene: {"banyan_response_seconds", `stage="on_scene"`}, plan.StageFinished: {"banyan_response_seconds", `stage="finished"`},
}

// Rules makes the recording and alerting rules of a city. scale, 1 in service, shortens every window and wait, for trials.
func Rules(city *plan.City, scale float64) RuleFile {
	s := scaled(scale)
	f := RuleFile{Groups: []RuleGroup{{Name: "banyan-objectives-recorded"}, {Name: "banyan-objectives"}}}
	for _, o := range city.Objectives {
		for _, w := range windows() {
			f.Groups[0].Rules = append(f.Groups[0].Rules, Rule{Record: "banyan:objective_errors:ratio_" + promDuration(w), Expr: errorRatio(o, s.promDuration(w)),
				Labels: map[string]string{"objective": o.ID}})
		}
		for _, b := range burns {
			f.Groups[1].Rules = append(f.Groups[1].Rules, burnRule(o, b, s))
		}
	}
	f.Groups = append(f.Groups, breaches(s))
	return f
}

// Bytes returns the file as it is written.
func (f RuleFile) Bytes() []byte {
	var b bytes.Buffer
	b.WriteString("# Made from the city's objectives by `banyan rules`; change objectives.yaml instead.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f); err != nil {
		panic("telemetry: rules: " + err.Error()) // strings always encode
	}
	return b.Bytes()
}

// windows are those of all burns, each once, shortest first.
func windows() []time.Duration {
	return []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 72 * time.Hour}
}

// selector is the series of an objective.
func selector(o *plan.Objective, suffix, more string) string {
	fam := families[o.Stage]
	var m []string
	for _, x := range []string{fam.matcher, label("department", o.Department), label("priority", o.Priority.String()), label("class", string(o.Class)), more} {
		if x != "" {
			m = append(m, x)
		}
	}
	if len(m) == 0 {
		return fam.name + suffix
	}
	return fam.name + suffix + "{" + strings.Join(m, ",") + "}"
}

func label(name, value string) string {
	if value == "" {
		return ""
	}
	return name + "=" + strconv.Quote(value)
}

// errorRatio is the share of an objective's events that were not within its time.
func errorRatio(o *plan.Objective, window string) string {
	// A bound is written 30 in the text format and 30.0 in OpenMetrics.
	bound := strconv.FormatFloat(o.Within.Seconds(), 'g', -1, 64)
	le := `le="` + bound + `"`
	if !strings.ContainsAny(bound, ".e") {
		le = `le=~"` + bound + `(\\.0)?"`
	}
	return fmt.Sprintf("1 - sum(rate(%s[%s])) / sum(rate(%s[%s]))", selector(o, "_bucket", le), window, selector(o, "_count", ""), window)
}

func burnRule(o *plan.Objective, b burn, s scaled) Rule {
	limit := strconv.FormatFloat(min(b.factor*(1-o.Share), mostErrors), 'g', 4, 64)
	series := func(w time.Duration) string {
		return fmt.Sprintf("banyan:objective_errors:ratio_%s{objective=%q}", promDuration(w), o.ID)
	}
	labels := map[string]string{"severity": b.severity, "objective": o.ID, "window": promDuration(b.long)}
	if o.Department != "" {
		labels["department"] = o.Department
	}
	return Rule{Alert: "ObjectiveMissed", For: s.promDuration(b.hold), Labels: labels,
		Expr: fmt.Sprintf("%s > %s and %s > %s and on() sum(increase(%s[%s])) >= %d", series(b.long), limit, series(b.short), limit,
			selector(o, "_count", ""), s.promDuration(b.long), leastEvents),
		Annotations: map[string]string{
			"summary":    fmt.Sprintf("%s未达标：%s 内 {{ $value | humanizePercentage }} 超过 %v（目标 %v%% 以内）", o.Name, promDuration(b.long), o.Within, round(100*(1-o.Share))),
			"summary_en": fmt.Sprintf("%s: {{ $value | humanizePercentage }} took longer than %v over %s; at most %v%% may", o.NameEN, o.Within, promDuration(b.long), round(100*(1-o.Share))),
			"basis":      o.Basis,
		}}
}

func round(f float64) float64 { return float64(int(f*100+0.5)) / 100 }

// breaches are what is wrong by itself, whatever the objectives.
func breaches(s scaled) RuleGroup {
	g := RuleGroup{Name: "banyan-breaches"}
	add := func(name, expr string, hold time.Duration, severity, zh, en string) {
		r := Rule{Alert: name, Expr: expr, Labels: map[string]string{"severity": severity}, Annotations: map[string]string{"summary": zh, "summary_en": en}}
		if hold > 0 {
			r.For = s.promDuration(hold)
		}
		g.Rules = append(g.Rules, r)
	}
	// Every node of a city shows the same board: what stands on it is said once.
	add("P1Overdue", `max by (priority) (banyan_incidents_overdue{priority="P1"}) > 0`, 0, "critical", "{{ $value }} 起特急事件超时未签收", "{{ $value }} P1 incidents are not acknowledged in time")
	add("TasksOverdue", `max by (department) (banyan_tasks_overdue) > 0`, 5*time.Minute, "warning", "{{ $labels.department }} 有 {{ $value }} 项任务超时未签收", "{{ $value }} tasks of {{ $labels.department }} are overdue")
	add("TasksUnstaffed", `max by (department) (banyan_tasks_unstaffed) > 0`, 0, "critical", "{{ $labels.department }} 有 {{ $value }} 项任务无人值守", "{{ $value }} tasks of {{ $labels.department }} have nobody on duty to take them")
	add("SeatsLost", `max by (presence) (banyan_seats{presence="lost"}) > 0`, 0, "warning", "{{ $value }} 个席位失联", "{{ $value }} seats are lost")
	add("NobodyOnDuty", `max by (department) (banyan_seats_on_duty) == 0`, time.Minute, "critical", "{{ $labels.department }} 无席位在岗", "no seat of {{ $labels.department }} is on duty")
	add("RosterGapAhead", `max(banyan_roster_gaps_ahead) > 0`, 0, "warning", "未来 72 小时值班表有 {{ $value }} 处空缺", "{{ $value }} gaps in the roster of the next 72 hours")
	// Who follows passes alerts on: it accepts them as long as the node that leads does.
	const refusing = `max(banyan_ready and on (instance) banyan_leader == 1) == 0 or max(banyan_ready) == 0`
	add("NotAccepting", refusing, 10*time.Second, "critical", "系统不受理警情", "alerts are not accepted")
	add("NodeNotReady", "banyan_ready == 0 unless on () ("+refusing+")", time.Minute, "warning", "节点 {{ $labels.instance }} 未就绪", "the node at {{ $labels.instance }} is not ready; another one is")
	add("NodeDown", `up{job="banyan"} == 0 unless on () absent(banyan_ready)`, time.Minute, "warning", "收不到节点 {{ $labels.instance }} 的指标", "nothing is heard of the node at {{ $labels.instance }}; of another one there is")
	add("NoLeader", `max(banyan_leader) == 0`, 30*time.Second, "critical", "没有主节点", "no node leads the city")
	add("TwoLeaders", `sum(banyan_leader) > 1`, time.Minute, "critical", "{{ $value }} 个节点自认主节点", "{{ $value }} nodes hold that they lead the city")
	add("QueueFilling", `banyan_queue_commands / banyan_queue_commands_limit > 0.5`, 10*time.Second, "critical", "处理队列过半", "the writer's queue is more than half full")
	add("MirrorBehind", `banyan_mirror_lag_seconds > 30`, time.Minute, "warning", "Redis 镜像落后 {{ $value | humanizeDuration }}", "Redis is {{ $value | humanizeDuration }} behind")
	add("LogInsAttacked", `sum(rate(banyan_logins_slowed_total[5m])) > 1`, 5*time.Minute, "warning", "登录尝试异常频繁", "log-ins are being guessed")
	// What says nothing cannot complain: its silence is looked for from outside, and not told to itself.
	add("BanyanAbsent", `absent(banyan_ready)`, 30*time.Second, "critical", "收不到本系统的任何指标", "nothing is heard of the system itself")
	g.Rules[len(g.Rules)-1].Labels["outside"] = "true"
	// Always firing: whoever stops hearing it knows that Prometheus or Alertmanager is gone.
	add("DeadMansSwitch", `vector(1)`, 0, "none", "监控链路正常", "the way of alerts works")
	return g
}

// scaled shortens times by a factor.
type scaled float64

func (s scaled) promDuration(d time.Duration) string {
	return promDuration(max(time.Duration(float64(d)*float64(s)), time.Second).Round(time.Second))
}

// promDuration writes d as Prometheus does, in its largest whole unit.
func promDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= u.unit && d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
