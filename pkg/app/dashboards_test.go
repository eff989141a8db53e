package app_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

const dashboardsDir = "../../dashboards/grafana"

// TestDashboards holds the committed dashboards against the code, and every query of them, and of the rules, against
// the metrics that there are; promtool reads the queries.
func TestDashboards(t *testing.T) {
	city, err := app.ReadCity("../../configs/fuzhou")
	if err != nil {
		t.Fatal(err)
	}
	rules, boards := telemetry.Rules(city, 1), telemetry.Dashboards(city)
	series := everySeries(t, rules)
	written, err := filepath.Glob(dashboardsDir + "/*.json")
	if err != nil || len(written) != len(boards) {
		t.Errorf("%d dashboards are written (%v), %d are made", len(written), err, len(boards))
	}
	var queries telemetry.RuleGroup
	for name, d := range boards {
		if b, err := os.ReadFile(filepath.Join(dashboardsDir, name+".json")); err != nil || !bytes.Equal(b, d.Bytes()) {
			t.Errorf("%s.json is not what the code says (%v): banyan dashboards --city configs/fuzhou --out dashboards/grafana", name, err)
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				q := strings.TrimSuffix(strings.TrimPrefix(v.Query, "label_values("), ", "+v.Name+")")
				names(t, name+" variable "+v.Name, q, series)
			}
		}
		for _, p := range d.Panels {
			if p.GridPos.X+p.GridPos.W > 24 || len(p.Targets) == 0 {
				t.Errorf("%s: panel %q has %d queries and ends at column %d of 24", name, p.Title, len(p.Targets), p.GridPos.X+p.GridPos.W)
			}
			for _, q := range p.Targets {
				expr := strings.NewReplacer("$__rate_interval", "5m", "$department", ".*").Replace(q.Expr)
				if strings.Contains(expr, "$") {
					t.Errorf("%s: panel %q asks with a variable that it has not: %s", name, p.Title, expr)
				}
				names(t, name+" panel "+p.Title, expr, series)
				queries.Rules = append(queries.Rules, telemetry.Rule{Record: fmt.Sprintf("query:%d", len(queries.Rules)), Expr: expr})
			}
		}
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			names(t, "rule "+r.Alert+r.Record, r.Expr, series)
		}
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is absent: `make watchers` installs it")
	}
	queries.Name = "queries"
	file := filepath.Join(t.TempDir(), "queries.rules.yaml")
	if err := os.WriteFile(file, telemetry.RuleFile{Groups: []telemetry.RuleGroup{queries}}.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// everySeries are the names that a query may use.
func everySeries(t *testing.T, rules telemetry.RuleFile) map[string]bool {
	t.Helper()
	o := options(t, t.TempDir())
	o.Redis = nobodysRedis
	series := map[string]bool{"up": true}
	for _, f := range run(t, o).app.MetricFamilies() {
		series[f.Name] = f.Type != "histogram"
		if f.Type == "histogram" {
			series[f.Name+"_bucket"], series[f.Name+"_count"], series[f.Name+"_sum"] = true, true, true
		}
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			series[r.Record] = true
		}
	}
	return series
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	inside   = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\b(by|on|without|ignoring) ?\([^)]*\)`)
	function = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(`)
	word     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	joins    = []string{"and", "or", "unless"}
)

// names complains of what a query names and nobody measures. Metrics of the runtime and the process are not ours.
func names(t *testing.T, where, expr string, series map[string]bool) {
	t.Helper()
	bare := function.ReplaceAllString(inside.ReplaceAllString(quoted.ReplaceAllString(expr, ""), ""), "(")
	for _, name := range word.FindAllString(bare, -1) {
		if slices.Contains(joins, name) || series[name] || strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			continue
		}
		t.Errorf("%s: no metric is called %q: %s", where, name, expr)
	}
}
