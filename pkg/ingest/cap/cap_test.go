package cap

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// message returns a message that is right, with replacements of parts of it.
func message(replace ...string) []byte {
	const whole = `<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>35010041600000_20260501083000_1</identifier>
  <sender>35010041600000</sender>
  <sent>2026-05-01T08:30:00+08:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>en-US</language><category>Met</category><event>Rainstorm</event>
    <urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
    <headline>Rainstorm, orange</headline>
  </info>
  <info>
    <language>zh-CN</language><category>Met</category><event>暴雨</event>
    <urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty>
    <eventCode><valueName>EVENTCODE</valueName><value>11B03</value></eventCode>
    <expires>2026-05-01T14:30:00+08:00</expires>
    <headline>福州市气象台发布暴雨橙色预警</headline>
    <area><areaDesc>鼓楼区</areaDesc><geocode><valueName>AREACODE</valueName><value>350102000000</value></geocode></area>
  </info>
</alert>`
	return []byte(strings.NewReplacer(replace...).Replace(whole))
}

func TestRules(t *testing.T) {
	if _, err := Parse(message()); err != nil {
		t.Fatal(err)
	}
	const zone = "+08:00</sent>"
	for _, c := range []struct{ from, to, field, reason string }{
		{"<identifier>35010041600000_20260501083000_1", "<identifier>a b", "alert.identifier", "space"},
		{"<sender>35010041600000", "<sender>", "alert.sender", "empty"},
		{zone, "Z</sent>", "alert.sent", "without Z"},
		{zone, ".5+08:00</sent>", "alert.sent", "fractions"},
		{"2026-05-01T08:30", "2026-02-30T08:30", "alert.sent", "not a time"},
		{"Actual", "Real", "alert.status", "Actual, Exercise, System, Test, Draft"},
		{"<status>Actual</status>", "", "alert.status", "is required"},
		{"<status>Actual</status>", "<status>Actual</status><status>Test</status>", "alert.status", "stands 2 times"},
		{"<msgType>Alert", "<msgType>Update", "alert.references", "is required with msgType Update"},
		{"<scope>Public</scope>", "<scope>Private</scope>", "alert.addresses", "is required with scope Private"},
		{"<scope>Public</scope>", "<scope>Restricted</scope>", "alert.restriction", "is required with scope Restricted"},
		{"<scope>Public</scope>", "<scope>Public</scope><references>a,b</references>", "alert.references", "sender,identifier,sent"},
		{"<language>zh-CN", "<language>zh_CN", "alert.info[1].language", "zh-CN"},
		{"<event>暴雨</event>", "<event> </event>", "alert.info[1].event", "empty"},
		{"<severity>Severe", "<severity>Purple", "alert.info[0].severity", "Extreme"},
		{"<certainty>Likely", "<certainty>Sure", "alert.info[0].certainty", "Observed"},
		{"<area>", "<area><polygon>26,119 26,120 27,120</polygon>", "alert.info[1].area[0].polygon[0]", "4 or more"},
		{"<area>", "<area><polygon>26,119 26,120 27,120 27,119</polygon>", "alert.info[1].area[0].polygon[0]", "first point"},
		{"<area>", "<area><polygon>119,26 120,26 120,27 119,26</polygon>", "alert.info[1].area[0].polygon[0]", "latitude,longitude"},
		{"<area>", "<area><polygon>NaN,26 20,26 20,27 NaN,26</polygon>", "alert.info[1].area[0].polygon[0]", "no position"},
		{"<area>", "<area><circle>26,119</circle>", "alert.info[1].area[0].circle[0]", "radius"},
		{"<area>", "<area><circle>26,119 -1</circle>", "alert.info[1].area[0].circle[0]", "radius"},
		{"<area>", "<area><ceiling>100</ceiling>", "alert.info[1].area[0].ceiling", "without altitude"},
		{"<areaDesc>鼓楼区</areaDesc>", "", "alert.info[1].area[0].areaDesc", "is required"},
		{"<area>", "<area><colour>red</colour>", "alert.info[1].area[0]", "does not have there"},
		{"<area>", `<area><x xmlns="urn:x"/>`, "alert.info[1].area[0]", "namespace"},
		{"cap:1.2", "cap:1.3", "alert", "outermost"},
	} {
		_, err := Parse(message(c.from, c.to))
		var e *alert.Error
		if !errors.As(err, &e) || e.Code != alert.CodeInvalid {
			t.Errorf("%s for %s: %v", c.to, c.from, err)
			continue
		}
		if e.Fields[0].Field != c.field || !strings.Contains(e.Fields[0].Reason, c.reason) {
			t.Errorf("%s for %s: %v, want %s: %s", c.to, c.from, e, c.field, c.reason)
		}
	}
}

func TestLanguagesAndLevels(t *testing.T) {
	m, err := Parse(message())
	if err != nil {
		t.Fatal(err)
	}
	infos := m.Chosen()
	if len(infos) != 1 || infos[0].Event != "暴雨" || Level(infos) != alert.Orange || !Expires(infos).Equal(time.Date(2026, 5, 1, 6, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v, level %q, expires %v", infos, Level(infos), Expires(infos))
	}
	for _, c := range []struct {
		from, to string
		language string
		level    alert.WarningLevel
	}{
		{"zh-CN", "zh-TW", "zh-TW", alert.Orange},
		{"zh-CN", "zha", "en-US", ""},
		{"en-US", "fr", "zh-CN", alert.Orange},
		{"橙色预警", "预警", "zh-CN", ""},
		{"EVENTCODE</valueName><value>11B03", "预警级别</valueName><value>红", "zh-CN", alert.Red},
		{"EVENTCODE</valueName><value>11B03", "awareness_level</valueName><value>2; yellow; Moderate", "zh-CN", alert.Yellow},
		{"EVENTCODE</valueName><value>11B03", "ColourCode</valueName><value>Blue", "zh-CN", alert.Blue},
		{"<severity>Severe", "<severity>Red", "zh-CN", alert.Red}, // a national number stands above
	} {
		m, err := Parse(message(c.from, c.to))
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		if infos := m.Chosen(); infos[0].Language != c.language || Level(infos) != c.level {
			t.Errorf("%s: language %s, level %q; want %s, %q", c.to, infos[0].Language, Level(infos), c.language, c.level)
		}
	}
}

func TestCharsets(t *testing.T) {
	declared := func(name string) []byte { return message("UTF-8", name) }
	gb, err := simplifiedchinese.GB18030.NewEncoder().Bytes(declared("GB18030"))
	if err != nil {
		t.Fatal(err)
	}
	latin := message("UTF-8", "ISO-8859-1", "暴雨", "Temp\xeate", "福州市气象台发布暴雨橙色预警", "x", "鼓楼区", "x")
	utf16 := []byte{0xfe, 0xff}
	for _, r := range string(declared("UTF-16")) {
		utf16 = append(utf16, byte(r>>8), byte(r))
	}
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{"GB18030": {gb, "暴雨"}, "ISO-8859-1": {latin, "Tempête"}, "UTF-16": {utf16, "暴雨"}, "BOM": {append([]byte("\ufeff"), message()...), "暴雨"}} {
		if m, err := Parse(c.raw); err != nil || m.Chosen()[0].Event != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(declared("EBCDIC-X")); alert.CodeOf(err) != alert.CodeMalformed {
		t.Errorf("unknown encoding: %v", err)
	}
}

// testCity has two districts, one west and one east of 119.5.
func testCity(t *testing.T) *geo.Index {
	square := func(west, east float64) []geo.Polygon {
		return []geo.Polygon{{{{Lon: west, Lat: 26}, {Lon: east, Lat: 26}, {Lon: east, Lat: 26.5}, {Lon: west, Lat: 26.5}}}}
	}
	index, err := geo.NewIndex([]geo.Area{{Code: "350100", Name: "市", Level: geo.City},
		{Code: "350102", Parent: "350100", Name: "西", Level: geo.District, Polygons: square(119, 119.5)},
		{Code: "350103", Parent: "350100", Name: "东", Level: geo.District, Polygons: square(119.5, 120)},
		{Code: "350103001", Parent: "350103", Name: "街", Level: geo.Street}})
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestPlaces(t *testing.T) {
	const geocode = "<geocode><valueName>AREACODE</valueName><value>350102000000</value></geocode>"
	code := func(codes ...string) string {
		var b strings.Builder
		for _, c := range codes {
			fmt.Fprintf(&b, "<geocode><valueName>AREACODE</valueName><value>%s</value></geocode>", c)
		}
		return b.String()
	}
	city := testCity(t)
	for _, c := range []struct {
		with  string
		areas []string
		area  string
		cells bool
	}{
		{code("350102000000"), []string{"350102"}, "350102", true},
		{code("350102"), []string{"350102"}, "350102", true},
		{code("350102000000", "350103000000"), []string{"350102", "350103"}, "350100", true},
		{code("350103001000"), []string{"350103001"}, "350103001", false},
		{code("350103999000"), []string{"350103"}, "350103", true}, // a street that is not known
		{code("350199000000"), []string{"350100"}, "350100", true}, // a district that is not known
		{code("350100000000"), []string{"350100"}, "350100", true},
		{code("350000000000"), []string{"350100"}, "350100", true}, // the province
		{code("000000000000"), []string{"350100"}, "350100", true}, // the country
		{code("110000000000"), nil, "350100", false},               // elsewhere
		{"<polygon>26.1,119.1 26.1,119.2 26.2,119.2 26.2,119.1 26.1,119.1</polygon>", []string{"350102"}, "350102", true},
		{"<polygon>26.1,119.4 26.1,119.6 26.2,119.6 26.2,119.4 26.1,119.4</polygon>", []string{"350102", "350103"}, "350100", true},
		{"<polygon>36.1,119.4 36.1,119.6 36.2,119.6 36.2,119.4 36.1,119.4</polygon>", nil, "350100", true},
		{"<circle>26.2,119.7 2</circle>", []string{"350103"}, "350103", true},
		{"<circle>26.2,119.7 0</circle>", []string{"350103"}, "350103", true},
		{"", []string{"350100"}, "350100", true}, // the number of the warning says whose it is
	} {
		m, err := Parse(message(geocode, c.with))
		if err != nil {
			t.Errorf("%s: %v", c.with, err)
			continue
		}
		p, err := m.Place(city, m.Chosen())
		if err != nil || !slices.Equal(p.Areas, c.areas) || p.Area != c.area || (len(p.Cells) > 0) != c.cells || p.Elsewhere != (c.areas == nil) {
			t.Errorf("%s: areas %v, area %s, %d cells, elsewhere %v, %v; want %v, %s", c.with, p.Areas, p.Area, len(p.Cells), p.Elsewhere, err, c.areas, c.area)
		}
		if len(p.Cells) > alert.MaxCoverCells {
			t.Errorf("%s: %d cells", c.with, len(p.Cells))
		}
	}
}

func TestRootOfAChain(t *testing.T) {
	m, err := Parse(message("<msgType>Alert", "<msgType>Update", "<scope>Public</scope>",
		"<scope>Public</scope><references>s,second,2026-05-01T08:20:00+08:00 s,first,2026-05-01T08:10:00+08:00</references>"))
	if err != nil || m.Root().Identifier != "first" || len(m.References) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestBombs: what is meant to eat memory is refused, and costs no more than a message that is right.
func TestBombs(t *testing.T) {
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">` + strings.Repeat(`<!ENTITY l "&lol;&lol;&lol;&lol;">`, 9) + `]><alert>&l;</alert>`
	external := `<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>`
	for name, c := range map[string]struct {
		raw  string
		code alert.Code
	}{
		"billion laughs":   {laughs, alert.CodeMalformed},
		"external entity":  {external, alert.CodeMalformed},
		"undeclared":       {`<alert>&x;</alert>`, alert.CodeMalformed},
		"10 MB polygon":    {string(message("<area>", "<area><polygon>"+strings.Repeat("26.1,119.1 ", 1<<20)+"</polygon>")), alert.CodeTooLarge},
		"many points":      {string(message("<area>", "<area><polygon>"+strings.Repeat("26,119 ", MaxPoints+4)+"</polygon>")), alert.CodeInvalid},
		"deep":             {strings.Repeat("<alert>", 10_000), alert.CodeTooLarge},
		"wide":             {"<alert>" + strings.Repeat("<a/>", 500_000), alert.CodeTooLarge},
		"comments in text": {"<alert>" + strings.Repeat("x<!---->", 200_000) + "</alert>", alert.CodeInvalid},
		"many attributes":  {"<alert " + strings.Repeat(`a="" `, 200_000) + "/>", alert.CodeInvalid},
		"many infos":       {string(message("<info>", "<info><info>"+strings.Repeat("</info><info>", 1000)+"</info>")), alert.CodeInvalid},
		"nothing":          {"", alert.CodeMalformed},
		"no XML":           {"{}", alert.CodeMalformed},
		"two documents":    {string(message()) + "<alert/>", alert.CodeMalformed},
		"cut":              {string(message()[:700]), alert.CodeMalformed},
	} {
		raw := []byte(c.raw)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		_, err := Parse(raw)
		runtime.ReadMemStats(&after)
		if alert.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%s: %d MiB were allocated in all", name, grown>>20)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// signer signs messages with a new key.
func signer(t *testing.T, now time.Time) (sign func([]byte) []byte, certificate *x509.Certificate) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "气象台"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return func(raw []byte) []byte {
		ctx, err := dsig.NewSigningContext(key, [][]byte{der})
		if err != nil {
			t.Fatal(err)
		}
		ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
		doc := etree.NewDocument()
		if err := doc.ReadFromBytes(raw); err != nil {
			t.Fatal(err)
		}
		signed, err := ctx.SignEnveloped(doc.Root())
		if err != nil {
			t.Fatal(err)
		}
		doc.SetRoot(signed)
		out, err := doc.WriteToBytes()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}, certificate
}

func TestSignatures(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	sign, certificate := signer(t, now)
	_, stranger := signer(t, now)
	good := sign(message())
	altered := bytes.Replace(good, []byte("350102000000"), []byte("350103000000"), 1)
	at := func(d time.Duration) func() time.Time { return func() time.Time { return now.Add(d) } }
	for name, c := range map[string]struct {
		raw          []byte
		certificates []*x509.Certificate
		required     bool
		now          func() time.Time
		want         Signature // "": refused
	}{
		"good":               {good, []*x509.Certificate{certificate}, true, at(0), Verified},
		"one of two":         {good, []*x509.Certificate{stranger, certificate}, true, at(0), Verified},
		"altered":            {altered, []*x509.Certificate{certificate}, false, at(0), ""},
		"a stranger's":       {good, []*x509.Certificate{stranger}, false, at(0), ""},
		"out of date":        {good, []*x509.Certificate{certificate}, true, at(2 * time.Hour), ""},
		"nobody known":       {good, nil, false, at(0), Unverified},
		"nobody, demanded":   {good, nil, true, at(0), ""},
		"unsigned":           {message(), []*x509.Certificate{certificate}, false, at(0), Unsigned},
		"unsigned, demanded": {message(), []*x509.Certificate{certificate}, true, at(0), ""},
	} {
		v := Verifier{Certificates: c.certificates, Required: c.required, Now: c.now}
		m, got, err := v.Parse(c.raw)
		if got != c.want || (err == nil) != (c.want != "") || (err == nil && m.Identifier != "35010041600000_20260501083000_1") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

// TestSignaturesOfOthers: what the US aggregator signed holds, and an altered digit does not.
func TestSignaturesOfOthers(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(suite, "oasiscap__fixtures_ipaws-5e6dd9de023f1930ef6548d9.xml"))
	if err != nil {
		t.Skipf("%s is absent: signatures of others are not tried", suite)
	}
	certificate := embedded(t, raw)
	v := Verifier{Certificates: []*x509.Certificate{certificate}, Required: true, Now: func() time.Time { return certificate.NotBefore.Add(time.Hour) }}
	if m, s, err := v.Parse(raw); err != nil || s != Verified || m.Kind != KindCancel {
		t.Fatalf("%v, %v", s, err)
	}
	if _, _, err := v.Parse(bytes.Replace(raw, []byte("Actual"), []byte("Test"), 1)); alert.CodeOf(err) != alert.CodeInvalid {
		t.Errorf("altered: %v", err)
	}
}

func embedded(t *testing.T, raw []byte) *x509.Certificate {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(doc.FindElement("//X509Certificate").Text()), "")
	file := filepath.Join(t.TempDir(), "issuer.pem")
	pem := "-----BEGIN CERTIFICATE-----\n" + text + "\n-----END CERTIFICATE-----\n"
	if err := os.WriteFile(file, []byte(pem), 0o600); err != nil {
		t.Fatal(err)
	}
	certificates, err := ReadCertificates(file)
	if err != nil {
		t.Fatal(err)
	}
	return certificates[0]
}

func FuzzParse(f *testing.F) {
	f.Add(message())
	f.Add(message("1.2", "1.1"))
	f.Add([]byte(`<alert xmlns="http://www.incident.com/cap/1.0"><info><area><polygon>1,2 3,4</polygon></area></info></alert>`))
	city, err := geo.NewIndex([]geo.Area{{Code: "350100", Name: "市", Level: geo.City}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Parse(raw)
		if err != nil {
			if alert.CodeOf(err) == alert.CodeInternal {
				t.Fatal(err)
			}
			return
		}
		infos := m.Chosen()
		p, err := m.Place(city, infos)
		if err != nil {
			t.Fatal(err)
		}
		if m.Identifier == "" || m.Sent.IsZero() || len(p.Cells) > alert.MaxCoverCells {
			t.Fatalf("%+v", m)
		}
		m.Body(infos, &p)
	})
}

func TestChains(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chains")
	open := func() *Chains {
		c, err := OpenChains(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	said := func(id string, before ...string) *Message {
		m := &Message{Identifier: id}
		for _, b := range before {
			m.References = append(m.References, Reference{Identifier: b})
		}
		return m
	}
	c := open()
	for _, x := range []struct {
		m    *Message
		root string
	}{{said("a"), "a"}, {said("b", "a"), "a"}, {said("c", "b"), "a"}, {said("z", "y"), "y"}} {
		if got := c.Root("s", x.m); got != x.root {
			t.Errorf("%s: %s, want %s", x.m.Identifier, got, x.root)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(must(os.ReadFile(file)), `{"source":"s","id":"to`...), 0o600); err != nil { // a crash in the middle of a line
		t.Fatal(err)
	}
	c = open()
	defer c.Close()
	if got := c.Root("s", said("d", "c")); got != "a" {
		t.Errorf("after a restart: %s", got)
	}
	if got := c.Root("another", said("d", "c")); got != "c" {
		t.Errorf("of another source: %s", got)
	}
	for i := range 2*MaxLinks + 10 {
		c.Root("s", said(fmt.Sprint(i), "x"))
	}
	if len(c.roots) > 2*MaxLinks {
		t.Errorf("%d are known", len(c.roots))
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
