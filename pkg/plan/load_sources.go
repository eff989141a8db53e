package plan

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func (l *loader) loadSources() {
	var names []string
	for name := range l.files {
		if strings.HasPrefix(name, sourceDir) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	if len(names) > MaxSources {
		l.problem(sourceDir, 0, "%d sources: at most %d", len(names), MaxSources)
	}
	for _, name := range names {
		l.loadSource(name)
	}
	if layers := l.city.Layers(); len(layers) > MaxLayers {
		l.problem(sourceDir+layers[MaxLayers].ID+".yaml", 0, "layer: %d sources have one: at most %d", len(layers), MaxLayers)
	}
}

// A source may send this fast where its profile does not say. It bounds a retry loop gone wild, not a typhoon.
const (
	DefaultSourcePerSecond = 20_000
	DefaultSourceBurst     = 40_000
)

// Bounds of a profile.
const (
	MinHeartbeat = 5 * time.Second
	MaxHeartbeat = 7 * 24 * time.Hour
	MaxStormOver = 100_000
)

// rawSource is a profile as it is written.
type rawSource struct {
	Name       str   `yaml:"name"`
	NameEN     str   `yaml:"name_en"`
	Department str   `yaml:"department"`
	Datum      str   `yaml:"datum"`
	Types      []str `yaml:"types"`
	Rate       *struct {
		PerSecond at[float64] `yaml:"per_second"`
		Burst     at[int]     `yaml:"burst"`
	} `yaml:"rate"`
	Transport   *rawTransport `yaml:"transport"`
	Heartbeat   *span         `yaml:"heartbeat"`
	Sensitivity str           `yaml:"sensitivity"`
	Seal        []str         `yaml:"seal"`
	Trust       *struct {
		Level    str `yaml:"level"`
		Priority str `yaml:"priority"`
	} `yaml:"trust"`
	Storm *struct {
		Over   at[int] `yaml:"over"`
		Within span    `yaml:"within"`
		By     str     `yaml:"by"`
		Spare  str     `yaml:"spare"`
	} `yaml:"storm"`
	Time   *rawTime                  `yaml:"time"`
	Tables map[string]map[string]str `yaml:"tables"`
	Map    *rawMapping               `yaml:"map"`
	Layer  *rawLayer                 `yaml:"layer"`
}

func (l *loader) loadSource(file string) {
	var raw rawSource
	if !l.decode(file, &raw) {
		return
	}
	id := strings.TrimSuffix(strings.TrimPrefix(file, sourceDir), ".yaml")
	if !l.id(file, "source", str{id, 0}, map[string]int{}) {
		return
	}
	s := &Source{ID: id, Name: raw.Name.V, NameEN: raw.NameEN.V, Department: raw.Department.V,
		PerSecond: DefaultSourcePerSecond, Burst: DefaultSourceBurst, Datum: geo.WGS84}
	if l.city.departments[s.Department] == nil {
		l.problem(file, raw.Department.Line, "no department %q", s.Department)
	}
	if raw.Datum.V != "" && l.among(file, "datum", raw.Datum, string(geo.WGS84), string(geo.GCJ02), string(geo.BD09)) {
		s.Datum = geo.Datum(raw.Datum.V)
	}
	for _, p := range raw.Types {
		l.pattern(file, p)
		s.types = append(s.types, p.V)
	}
	if r := raw.Rate; r != nil {
		if s.PerSecond = r.PerSecond.V; !(s.PerSecond > 0) {
			l.problem(file, r.PerSecond.Line, "per_second is %v: want more than 0", s.PerSecond)
		}
		if s.Burst = r.Burst.V; s.Burst < 1 {
			l.problem(file, r.Burst.Line, "burst is %d: want at least 1", s.Burst)
		}
	}
	if h := raw.Heartbeat; h != nil {
		l.within(file, "heartbeat", *h, MinHeartbeat, MaxHeartbeat)
		s.Heartbeat = h.V
	}
	l.secrecy(file, &raw, s)
	l.trust(file, &raw, s)
	s.Transport = l.transport(file, raw.Transport)
	s.Mapping = l.mapping(file, &raw, s)
	l.city.sources[id] = s
	l.city.Sources = append(l.city.Sources, s)
}

// secrecy reads who may see what a source sends.
func (l *loader) secrecy(file string, raw *rawSource, s *Source) {
	if v := raw.Sensitivity; v.V != "" && v.V != "internal" && l.among(file, "sensitivity", v, "public", "internal", "sealed") {
		s.Sensitivity = alert.Sensitivity(v.V)
	}
	for _, f := range raw.Seal {
		name, attribute := strings.CutPrefix(f.V, "attributes.")
		switch {
		case f.V != "text" && (!attribute || name == "" || strings.Contains(name, ".")):
			l.problem(file, f.Line, "seal: %q: want text, or attributes.NAME", f.V)
		case slices.Contains(s.Seal, f.V):
			l.problem(file, f.Line, "seal: %q stands there twice", f.V)
		}
		s.Seal = append(s.Seal, f.V)
	}
	if len(s.Seal) > alert.MaxSealedFields {
		l.problem(file, raw.Seal[0].Line, "seal: %d fields: at most %d", len(s.Seal), alert.MaxSealedFields)
	}
}

// trust reads how far a source is believed, and what is done when it sends too much.
func (l *loader) trust(file string, raw *rawSource, s *Source) {
	if t := raw.Trust; t != nil && l.among(file, "trust.level", t.Level, "full", "low") {
		switch {
		case t.Level.V == "low":
			s.LowTrust = alert.P4
			if t.Priority.V != "" {
				s.LowTrust = l.priority(file, t.Priority)
			}
		case t.Priority.V != "":
			l.problem(file, t.Priority.Line, "trust.priority is for level low")
		}
	}
	st := raw.Storm
	if st == nil {
		return
	}
	s.Storm = &Storm{Over: st.Over.V, Within: st.Within.V, By: geo.District, Spare: alert.P1}
	if st.Over.V < 1 || st.Over.V > MaxStormOver {
		l.problem(file, st.Over.Line, "storm.over is %d: want 1 to %d incidents", st.Over.V, MaxStormOver)
	}
	l.within(file, "storm.within", st.Within, time.Second, 24*time.Hour)
	if st.By.V != "" {
		level, err := geo.ParseLevel(st.By.V)
		if err != nil {
			l.problem(file, st.By.Line, "storm.by: %v", err)
		}
		s.Storm.By = level
	}
	if st.Spare.V != "" {
		s.Storm.Spare = l.priority(file, st.Spare)
	}
}

type rawTransport struct {
	Kind            str       `yaml:"kind"`
	Broker          str       `yaml:"broker"`
	Topics          []str     `yaml:"topics"`
	QoS             *str      `yaml:"qos"`
	Group           str       `yaml:"group"`
	ClientID        str       `yaml:"client_id"`
	User            str       `yaml:"user"`
	PasswordFile    str       `yaml:"password_file"`
	CAFile          str       `yaml:"ca_file"`
	CertFile        str       `yaml:"cert_file"`
	KeyFile         str       `yaml:"key_file"`
	URL             str       `yaml:"url"`
	Every           *span     `yaml:"every"`
	SecretFile      str       `yaml:"secret_file"`
	SignatureHeader str       `yaml:"signature_header"`
	TimestampHeader str       `yaml:"timestamp_header"`
	Tolerance       *span     `yaml:"tolerance"`
	Path            str       `yaml:"path"`
	Format          str       `yaml:"format"`
	Delimiter       str       `yaml:"delimiter"`
	Certificates    []str     `yaml:"certificates"`
	Signed          *at[bool] `yaml:"signed"`
	Drills          *at[bool] `yaml:"drills"`
}

// settingsOf are the keys that mean something to a kind of transport, beside kind itself.
var settingsOf = map[TransportKind][]string{
	TransportREST: nil, TransportCloudEvents: nil,
	TransportCAP:     {"certificates", "signed", "drills"},
	TransportMQTT:    {"broker", "topics", "qos", "group", "client_id", "user", "password_file", "ca_file", "cert_file", "key_file"},
	TransportFeed:    {"url", "every", "user", "password_file", "ca_file", "cert_file", "key_file", "certificates", "signed", "drills"},
	TransportWebhook: {"secret_file", "signature_header", "timestamp_header", "tolerance"},
	TransportFile:    {"path", "format", "delimiter", "every"},
}

// Transport settings where a profile does not say.
const (
	DefaultQoS             = 1
	DefaultEvery           = time.Minute
	DefaultTolerance       = 5 * time.Minute
	DefaultSignatureHeader = "X-Signature-256"
	maxTopics              = 64
)

func (l *loader) transport(file string, r *rawTransport) Transport {
	if r == nil {
		return Transport{Kind: TransportREST}
	}
	if !l.among(file, "transport.kind", r.Kind, "rest", "cloudevents", "cap", "mqtt", "feed", "webhook", "file") {
		return Transport{}
	}
	t := Transport{Kind: TransportKind(r.Kind.V), Broker: r.Broker.V, QoS: DefaultQoS, Group: r.Group.V, ClientID: r.ClientID.V, User: r.User.V,
		URL: r.URL.V, Every: DefaultEvery, SignatureHeader: orElse(r.SignatureHeader.V, DefaultSignatureHeader), TimestampHeader: r.TimestampHeader.V,
		Tolerance: DefaultTolerance, Path: r.Path.V, Format: r.Format.V, Delimiter: r.Delimiter.V}
	given := r.given()
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(settingsOf[t.Kind], key) {
			l.problem(file, given[key], "transport.%s means nothing to kind %s", key, t.Kind)
		}
	}
	for _, topic := range r.Topics {
		t.Topics = append(t.Topics, topic.V)
	}
	for _, c := range r.Certificates {
		t.Certificates = append(t.Certificates, l.dataFile(file, "certificates", c))
	}
	t.PasswordFile, t.SecretFile = l.dataFile(file, "password_file", r.PasswordFile), l.dataFile(file, "secret_file", r.SecretFile)
	t.CAFile, t.CertFile, t.KeyFile = l.dataFile(file, "ca_file", r.CAFile), l.dataFile(file, "cert_file", r.CertFile), l.dataFile(file, "key_file", r.KeyFile)
	if r.Signed != nil {
		t.Signed = r.Signed.V
	}
	if r.Drills != nil {
		t.Drills = r.Drills.V
	}
	l.needed(file, r, &t)
	return t
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// given returns the settings that a transport block holds, with their lines.
func (r *rawTransport) given() map[string]int {
	given := map[string]int{}
	for key, s := range map[string]str{"broker": r.Broker, "group": r.Group, "client_id": r.ClientID, "user": r.User, "password_file": r.PasswordFile,
		"ca_file": r.CAFile, "cert_file": r.CertFile, "key_file": r.KeyFile, "url": r.URL, "secret_file": r.SecretFile, "signature_header": r.SignatureHeader,
		"timestamp_header": r.TimestampHeader, "path": r.Path, "format": r.Format, "delimiter": r.Delimiter} {
		if s.Line != 0 {
			given[key] = s.Line
		}
	}
	for key, s := range map[string]*span{"every": r.Every, "tolerance": r.Tolerance} {
		if s != nil {
			given[key] = s.Line
		}
	}
	for key, list := range map[string][]str{"topics": r.Topics, "certificates": r.Certificates} {
		if len(list) > 0 {
			given[key] = list[0].Line
		}
	}
	if r.QoS != nil {
		given["qos"] = r.QoS.Line
	}
	if r.Signed != nil {
		given["signed"] = r.Signed.Line
	}
	if r.Drills != nil {
		given["drills"] = r.Drills.Line
	}
	return given
}

// dataFile checks the name of a file in the data folder.
func (l *loader) dataFile(file, key string, s str) string {
	if s.V != "" && (strings.HasPrefix(s.V, "/") || slices.Contains(strings.Split(s.V, "/"), "..")) {
		l.problem(file, s.Line, "transport.%s: %q must lie in the server's data folder: no leading / and no ..", key, s.V)
	}
	return s.V
}

// needed checks what a kind of transport cannot do without.
func (l *loader) needed(file string, r *rawTransport, t *Transport) {
	missing := func(key string) {
		l.problem(file, r.Kind.Line, "transport of kind %s needs %s", t.Kind, key)
	}
	switch t.Kind {
	case TransportMQTT:
		if len(t.Topics) == 0 {
			missing("topics")
		} else if len(t.Topics) > maxTopics {
			l.problem(file, r.Topics[0].Line, "transport.topics: %d: at most %d", len(t.Topics), maxTopics)
		}
		l.address(file, "broker", orAt(r.Broker, r.Kind), "mqtt", "mqtts", "ws", "wss")
		if q := r.QoS; q != nil && l.among(file, "transport.qos", *q, "0", "1", "2") {
			t.QoS = int(q.V[0] - '0')
		}
		if (r.CertFile.V == "") != (r.KeyFile.V == "") {
			l.problem(file, r.Kind.Line, "transport: cert_file and key_file go together")
		}
	case TransportFeed:
		l.address(file, "url", orAt(r.URL, r.Kind), "http", "https")
		if r.Every != nil {
			l.within(file, "transport.every", *r.Every, time.Second, 24*time.Hour)
			t.Every = r.Every.V
		}
	case TransportWebhook:
		if t.SecretFile == "" {
			missing("secret_file")
		}
		if r.Tolerance != nil {
			l.within(file, "transport.tolerance", *r.Tolerance, time.Second, time.Hour)
			t.Tolerance = r.Tolerance.V
		}
	case TransportFile:
		if t.Path = l.dataFile(file, "path", r.Path); t.Path == "" {
			missing("path")
		}
		l.among(file, "transport.format", orAt(r.Format, r.Kind), "csv", "ndjson")
		if len([]rune(t.Delimiter)) > 1 {
			l.problem(file, r.Delimiter.Line, "transport.delimiter is %q: want one character", t.Delimiter)
		}
		if r.Every != nil {
			l.within(file, "transport.every", *r.Every, time.Second, 24*time.Hour)
			t.Every = r.Every.V
		}
	}
}

// address checks a URL.
func (l *loader) address(file, key string, s str, schemes ...string) {
	scheme, rest, ok := strings.Cut(s.V, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case !ok || host == "" || !slices.Contains(schemes, scheme) || strings.ContainsAny(s.V, " \t\r\n"):
		l.problem(file, s.Line, "transport.%s: %q: want %s://host…", key, s.V, strings.Join(schemes, ":// or "))
	case strings.Contains(host, "@"):
		l.problem(file, s.Line, "transport.%s holds a password: name it by user and password_file", key)
	}
}
