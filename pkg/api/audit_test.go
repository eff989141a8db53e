package api_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

type auditPage struct {
	Entries []struct {
		Seq                            uint64
		Command, Action, Target, Chain string
		By                             *struct{ Seat, Name string }
		Events                         []struct {
			Seq   uint64
			Type  string
			Files json.RawMessage
		}
	}
	Next uint64
	Head struct {
		Seq   uint64
		Chain string
	}
}

// TestAuditTrail reads the trail page by page as who audits, and holds it against the journal on disk.
func TestAuditTrail(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	c.act(r.Tasks[0].Seat, "tasks/"+r.Tasks[0].ID+"/acknowledge", "")
	auditor := c.signedIn("auditor", "审计员", "", auth.RoleAuditor)
	var whole auditPage
	auditor.must(http.StatusOK, http.MethodGet, "/api/v1/audit", "", &whole)
	last := whole.Entries[len(whole.Entries)-1]
	if whole.Next != 0 || last.Action != "acknowledge" || last.Target != r.Tasks[0].ID || last.By == nil || last.By.Seat != r.Tasks[0].Seat ||
		last.Chain != whole.Head.Chain || last.Events[0].Type != "task.acknowledged" || last.Events[len(last.Events)-1].Seq != whole.Head.Seq {
		t.Errorf("%+v", whole)
	}
	if first := whole.Entries[0]; first.Command != "config.load" || len(first.Events) != 1 || first.Events[0].Files != nil {
		t.Errorf("%+v: want the configuration without its files", first)
	}
	from := uint64(1)
	for i, want := range whole.Entries {
		var page auditPage
		auditor.must(http.StatusOK, http.MethodGet, fmt.Sprintf("/api/v1/audit?limit=1&from=%d", from), "", &page)
		if len(page.Entries) != 1 || page.Entries[0].Chain != want.Chain || (page.Next == 0) != (i == len(whole.Entries)-1) {
			t.Fatalf("from %d: %+v", from, page)
		}
		from = page.Next
	}
	report, err := journal.Verify(filepath.Join(c.dir, app.JournalDir), nil)
	if err != nil || report.Chain.String() != whole.Head.Chain || report.LastSeq != whole.Head.Seq || len(whole.Head.Chain) != 2*sha256.Size {
		t.Errorf("the journal says %v@%d: %v", report.Chain, report.LastSeq, err)
	}
	var beyond auditPage
	auditor.must(http.StatusOK, http.MethodGet, fmt.Sprintf("/api/v1/audit?from=%d", whole.Head.Seq+1), "", &beyond)
	if len(beyond.Entries) != 0 || beyond.Next != 0 || beyond.Head != whole.Head {
		t.Errorf("%+v", beyond)
	}
	for _, query := range []string{"from=0", "from=x", "limit=501", "limit=0"} {
		if a := auditor.send(http.MethodGet, "/api/v1/audit?"+query, ""); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), strings.Split(query, "=")[0]) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}
