package telemetry

import (
	"fmt"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// rateWindow is Grafana's own: at least four scrapes.
const rateWindow = "$__rate_interval"

// Dashboards makes the dashboards of a city, by the names of their files without the ending.
func Dashboards(city *plan.City) map[string]Dashboard {
	return map[string]Dashboard{
		"overview":     dashboard(city, "overview", "中心总览", "Centre overview", "在办事件、签收时效与系统是否受理", false, overview(city)),
		"department":   dashboard(city, "department", "部门", "Department", "一个或几个部门的任务、席位与各环节用时", true, department(city)),
		"feeds":        dashboard(city, "feeds", "来源健康", "Feed health", "各来源系统的流量、失联、隔离与接入方式", false, feeds()),
		"machine-path": dashboard(city, "machine-path", "机器链路", "Machine path", "从接收到落盘、推送、上屏，每一步用时", false, machinePath(city)),
		"duty":         dashboard(city, "duty", "值班", "Duty", "席位在岗、失联、检修、值班缺口与升级", true, duty()),
	}
}

func dashboard(city *plan.City, uid, zh, en, what string, departments bool, panels []Panel) Dashboard {
	d := Dashboard{UID: "banyan-" + uid, Title: zh + " " + en, Description: what, Tags: []string{"banyan"}, SchemaVersion: grafanaSchema, Version: 1, Timezone: city.Zone.String(),
		GraphTooltip: 1, Refresh: "15s", Time: TimeRange{"now-6h", "now"}, Panels: arranged(panels),
		Links:      []BoardLink{{Title: "榕 Banyan", Type: "dashboards", Tags: []string{"banyan"}, KeepTime: true, IncludeVars: true}},
		Templating: Templating{[]Variable{{Name: "datasource", Label: "数据源 Data source", Type: "datasource", Query: "prometheus"}}}}
	if departments {
		d.Templating.List = append(d.Templating.List, Variable{Name: "department", Label: "部门 Department", Type: "query", Query: "label_values(banyan_tasks_open, department)",
			Datasource: &chosenSource, Refresh: 2, Multi: true, IncludeAll: true, AllValue: ".*", Sort: 1})
	}
	return d
}

func one(expr, legend string) Target { return Target{Expr: expr, LegendFormat: legend} }

// Every node of a city shows the same board, so what is of the board is taken from one of them: most by a label, or
// by none, and all summed up over a label.
func most(expr, by string) Target {
	if by == "" {
		return one("max("+expr+")", "")
	}
	return one("max by ("+by+") ("+expr+")", "{{"+by+"}}")
}

func all(expr, by string) Target { return one("sum(max by ("+by+") ("+expr+"))", "") }

// quantiles are the median, the 90th and the 99th percentile of a histogram.
func quantiles(family, matcher string) []Target {
	var list []Target
	for _, q := range []int{50, 90, 99} {
		list = append(list, one(fmt.Sprintf("histogram_quantile(%.2f, sum by (le) (rate(%s_bucket%s[%s])))", float64(q)/100, family, matcher, rateWindow), fmt.Sprintf("p%d", q)))
	}
	return list
}

// met shows how much of each objective was met within the last hour, each with its own threshold.
func met(city *plan.City, title string, which func(*plan.Objective) bool) []Panel {
	p := panel("bargauge", title, "percentunit", 24)
	zero, whole := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &zero, &whole
	p.Description = "近 1 小时达标率，红色为低于目标。Share within the objective over the last hour; red is below it."
	for _, o := range city.Objectives {
		if !which(o) {
			continue
		}
		p.Targets = append(p.Targets, Target{RefID: o.ID, Datasource: chosenSource, Instant: true, Expr: fmt.Sprintf("1 - banyan:objective_errors:ratio_1h{objective=%q}", o.ID),
			LegendFormat: fmt.Sprintf("%s %s ≤%v %v%%", o.Name, o.NameEN, o.Within, round(100*o.Share))})
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, Override{Matcher: Property{ID: "byFrameRefID", Options: o.ID},
			Properties: []Property{{ID: "thresholds", Value: goodFrom(o.Share)}}})
	}
	if len(p.Targets) == 0 {
		return nil
	}
	p.GridPos.H = max(4, 1+len(p.Targets))
	return []Panel{p}
}

// asked is the limit that the city's objectives put to a stage: that for P1 before one for all; nothing where it names none.
func asked(city *plan.City, stage plan.Stage) *Thresholds {
	var best *plan.Objective
	for _, o := range city.Objectives {
		if o.Stage == stage && o.Department == "" && o.Class == "" && (best == nil || o.Priority != 0 && (best.Priority == 0 || o.Priority < best.Priority)) {
			best = o
		}
	}
	if best == nil {
		return nil
	}
	return badFrom(best.Within.Seconds())
}

func overview(city *plan.City) []Panel {
	return append([]Panel{
		panel("stat", "受理 Accepting", "bool_on_off", 4, one("min(banyan_ready)", "")).over(goodFrom(1)),
		panel("stat", "特急在办 P1 open", "none", 4, most(`banyan_incidents_open{priority="P1"}`, "")),
		panel("stat", "特急未签收 P1 unacknowledged", "none", 4, most(`banyan_incidents_unacknowledged{priority="P1"}`, "")).over(badFrom(1)),
		panel("stat", "特急超时 P1 overdue", "none", 4, most(`banyan_incidents_overdue{priority="P1"}`, "")).over(badFrom(1)),
		panel("stat", "无人值守任务 Unstaffed tasks", "none", 4, all("banyan_tasks_unstaffed", "department")).over(badFrom(1)),
		panel("stat", "失联来源 Silent sources", "none", 4, all("banyan_source_silent", "source")).over(badFrom(1)),
		panel("timeseries", "警情 Alerts", "cpm", 12, one("60 * sum by (class) (max by (class, department) (rate(banyan_alerts_total["+rateWindow+"])))", "{{class}}")),
		panel("timeseries", "在办事件 Open incidents", "none", 12, most("banyan_incidents_open", "priority")),
		panel("timeseries", "特急签收用时 P1 acknowledged", "s", 12, quantiles("banyan_response_seconds", `{stage="acknowledged",priority="P1"}`)...).over(asked(city, plan.StageAcknowledged)),
		panel("timeseries", "各部门超时任务 Overdue tasks", "none", 12, most("banyan_tasks_overdue > 0", "department")),
	}, met(city, "时效目标 Objectives", func(*plan.Objective) bool { return true })...)
}

func department(city *plan.City) []Panel {
	const of = `department=~"$department"`
	stage := func(title string, s plan.Stage) Panel {
		return panel("timeseries", title, "s", 12, one(fmt.Sprintf(`histogram_quantile(0.9, sum by (le, department) (rate(banyan_response_seconds_bucket{stage=%q,%s}[%s])))`, string(s), of, rateWindow), "{{department}}"))
	}
	return append([]Panel{
		panel("stat", "在办 Open", "none", 6, all("banyan_tasks_open{"+of+"}", "department")),
		panel("stat", "未签收 Unacknowledged", "none", 6, all("banyan_tasks_unacknowledged{"+of+"}", "department")).over(badFrom(1)),
		panel("stat", "超时 Overdue", "none", 6, all("banyan_tasks_overdue{"+of+"}", "department")).over(badFrom(1)),
		panel("stat", "在岗席位 Seats on duty", "none", 6, all("banyan_seats_on_duty{"+of+"}", "department")).over(goodFrom(1)),
		panel("timeseries", "在办任务 Open tasks", "none", 12, most("banyan_tasks_open{"+of+"}", "department")),
		panel("timeseries", "派到席位用时（90%） Assigned, p90", "s", 12,
			one("histogram_quantile(0.9, sum by (le, department) (rate(banyan_assign_seconds_bucket{"+of+"}["+rateWindow+"])))", "{{department}}")).over(asked(city, plan.StageAssigned)),
		stage("签收用时（90%） Acknowledged, p90", plan.StageAcknowledged), stage("出动用时（90%） Departed, p90", plan.StageDeparted),
		stage("到场用时（90%） On scene, p90", plan.StageOnScene), stage("办结用时（90%） Finished, p90", plan.StageFinished),
	}, met(city, "部门时效目标 Objectives of departments", func(o *plan.Objective) bool { return o.Department != "" })...)
}

func feeds() []Panel {
	return []Panel{
		panel("stat", "失联来源 Silent", "none", 8, all("banyan_source_silent", "source")).over(badFrom(1)),
		panel("stat", "隔离消息 In quarantine", "none", 8, all("banyan_source_quarantined", "source")).over(badFrom(1)),
		panel("stat", "接入连接 Connections", "none", 8, all("banyan_transport_connections", "transport")),
		panel("timeseries", "来源流量 Messages", "mps", 12, most("banyan_source_messages_per_second", "source")),
		panel("timeseries", "多久没有消息 Since last heard", "s", 12, one("time() - max by (source) (banyan_source_last_heard_seconds > 0)", "{{source}}")),
		panel("timeseries", "发生到接收用时（90%） Source lag, p90", "s", 12, one("histogram_quantile(0.9, sum by (le, department) (rate(banyan_source_lag_seconds_bucket["+rateWindow+"])))", "{{department}}")),
		panel("timeseries", "失联 Silent", "none", 12, most("banyan_source_silent > 0", "source")),
		panel("timeseries", "隔离 Quarantined", "none", 12, most("banyan_source_quarantined > 0", "source"), one("max by (source) (banyan_source_quarantine_lost > 0)", "{{source}} 被挤出 gave way")),
		panel("timeseries", "拒收 Refused", "none", 12, most("banyan_source_refused > 0", "source")),
		panel("timeseries", "接入方式 Transports", "mps", 24, one("sum by (transport, outcome) (rate(banyan_transport_messages["+rateWindow+"]))", "{{transport}} {{outcome}}")),
	}
}

func machinePath(city *plan.City) []Panel {
	timed := func(title, family string, s plan.Stage) Panel {
		return panel("timeseries", title, "s", 12, quantiles(family, "")...).over(asked(city, s))
	}
	return append([]Panel{
		timed("接收到落盘 Accepted on disk", "banyan_accept_seconds", plan.StageAccepted), timed("推送到屏幕连接 Pushed to screens", "banyan_push_seconds", plan.StagePushed),
		timed("屏幕显示 Drawn on screens", "banyan_draw_seconds", plan.StageDrawn),
		panel("timeseries", "写入各步（99%） Stages of the writer, p99", "s", 12, one("histogram_quantile(0.99, sum by (le, stage) (rate(banyan_stage_seconds_bucket["+rateWindow+"])))", "{{stage}}")),
		panel("timeseries", "处理队列 Writer's queue", "percentunit", 12, one("banyan_queue_commands / banyan_queue_commands_limit", "{{instance}}")).over(badFrom(0.5)),
		panel("timeseries", "每次落盘的命令数 Commands behind one fsync", "none", 12, quantiles("banyan_batch_commands", "")...),
		panel("timeseries", "事件 Events", "eps", 12, one("rate(banyan_events_total["+rateWindow+"])", "{{instance}}")),
		panel("timeseries", "屏幕与推送 Screens and frames", "none", 12, one("banyan_screens", "{{instance}} 屏幕 screens"), one("rate(banyan_push_deliveries_total["+rateWindow+"])", "{{instance}} 帧/秒 frames/s"),
			one("rate(banyan_push_dropped_total["+rateWindow+"])", "{{instance}} 慢屏/秒 slow/s")),
		panel("timeseries", "请求（99%） Requests, p99", "s", 12, one("histogram_quantile(0.99, sum by (le, route) (rate(banyan_http_request_seconds_bucket["+rateWindow+"])))", "{{route}}")),
		panel("timeseries", "落后：统计与镜像 Behind: history and mirror", "none", 12, one("banyan_history_lag_events", "{{instance}} 统计 history"), one("banyan_mirror_lag_events", "{{instance}} 镜像 mirror")),
		panel("timeseries", "内存 Memory", "bytes", 12, one(`process_resident_memory_bytes{job="banyan"}`, "{{instance}} RSS"), one(`go_memstats_heap_inuse_bytes{job="banyan"}`, "{{instance}} heap")),
		panel("timeseries", "处理器与协程 CPU and goroutines", "none", 12, one(`rate(process_cpu_seconds_total{job="banyan"}[`+rateWindow+"])", "{{instance}} 核 cores"), one(`go_goroutines{job="banyan"}`, "{{instance}} goroutines")),
	}, met(city, "机器时效目标 Objectives of the machine", func(o *plan.Objective) bool { return o.Stage.Machine() })...)
}

func duty() []Panel {
	const of = `{department=~"$department"}`
	return []Panel{
		panel("stat", "在席 Present", "none", 6, most(`banyan_seats{presence="present"}`, "")),
		panel("stat", "失联席位 Lost", "none", 6, most(`banyan_seats{presence="lost"}`, "")).over(badFrom(1)),
		panel("stat", "72 小时内缺岗 Gaps within 72 h", "none", 6, most("banyan_roster_gaps_ahead", "")).over(badFrom(1)),
		panel("stat", "无席位在岗的部门 Departments without a seat on duty", "none", 6, one("count(max by (department) (banyan_seats_on_duty"+of+") == 0) or vector(0)", "")).over(badFrom(1)),
		panel("bargauge", "在岗席位 Seats on duty", "none", 12, most("banyan_seats_on_duty"+of, "department")).over(goodFrom(1)),
		panel("timeseries", "席位状态 Seats by presence", "none", 12, most("banyan_seats", "presence")),
		panel("timeseries", "无人值守任务 Unstaffed tasks", "none", 12, most("banyan_tasks_unstaffed"+of+" > 0", "department")),
		panel("timeseries", "检修席位 Seats in maintenance", "none", 12, most("banyan_seats_maintenance"+of+" > 0", "department")),
		panel("timeseries", "升级 Escalations", "cpm", 12, one("60 * sum by (step) (max by (step, department) (rate(banyan_escalations_total"+of+"["+rateWindow+"])))", "{{step}}")),
		panel("timeseries", "登录 Log-ins", "cpm", 12, one("60 * sum(rate(banyan_logins_total["+rateWindow+"]))", "成功 signed in"), one("60 * sum(rate(banyan_logins_refused_total["+rateWindow+"]))", "被拒 refused"),
			one("60 * sum(rate(banyan_logins_slowed_total["+rateWindow+"]))", "被挡 turned away")),
	}
}
