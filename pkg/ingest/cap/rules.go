package cap

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// spaces are the namespaces of the versions (CAP 1.2 section 1.1 names the present one).
var spaces = map[string]string{
	"http://www.incident.com/cap/1.0":      "1.0",
	"urn:oasis:names:tc:emergency:cap:1.1": "1.1",
	"urn:oasis:names:tc:emergency:cap:1.2": "1.2",
}

// rule is what the standard says of an element within its parent, in the order of the schema.
type rule struct {
	name     string
	least    int // occurrences
	most     int // 0: any number
	from     string
	until    string // versions that know it, "": all
	is       check
	children []rule
}

// check returns what is wrong with the text of an element, "" for nothing.
type check func(v *checker, text string) string

// Code lists, CAP 1.2 sections 3.2.1 and 3.2.2. A value that begins with a version and a colon came with it.
var (
	statuses    = []string{"Actual", "Exercise", "System", "Test", "1.1:Draft"}
	kinds       = []string{"Alert", "Update", "Cancel", "Ack", "Error"}
	scopes      = []string{"Public", "Restricted", "Private"}
	categories  = []string{"Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "1.1:CBRNE", "Other"}
	responses   = []string{"1.1:Shelter", "1.1:Evacuate", "1.1:Prepare", "1.1:Execute", "1.2:Avoid", "1.1:Monitor", "1.1:Assess", "1.2:AllClear", "1.1:None"}
	urgencies   = []string{"Immediate", "Expected", "Future", "Past", "Unknown"}
	severities  = []string{"Extreme", "Severe", "Moderate", "Minor", "Unknown"}
	certainties = []string{"Observed", "Very Likely", "Likely", "Possible", "Unlikely", "Unknown"} // Very Likely: to be read as Likely
)

var alertRules = []rule{
	{name: "identifier", least: 1, most: 1, is: name},
	{name: "sender", least: 1, most: 1, is: name},
	{name: "password", most: 1, until: "1.0"},
	{name: "sent", least: 1, most: 1, is: instant},
	{name: "status", least: 1, most: 1, is: oneOf(statuses)},
	{name: "msgType", least: 1, most: 1, is: oneOf(kinds)},
	{name: "source", most: 1},
	{name: "scope", most: 1, is: oneOf(scopes)},
	{name: "restriction", most: 1},
	{name: "addresses", most: 1},
	{name: "code"},
	{name: "note", most: 1},
	{name: "references", most: 1},
	{name: "incidents", most: 1},
	{name: "info", most: MaxInfos, children: infoRules},
}

var infoRules = []rule{
	{name: "language", most: 1, is: language},
	{name: "category", is: oneOf(categories)},
	{name: "event", least: 1, most: 1, is: filled},
	{name: "responseType", from: "1.1", is: oneOf(responses)},
	{name: "urgency", least: 1, most: 1, is: oneOf(urgencies)},
	{name: "severity", least: 1, most: 1, is: severity},
	{name: "certainty", least: 1, most: 1, is: oneOf(certainties)},
	{name: "audience", most: 1},
	{name: "eventCode", children: pairRules},
	{name: "effective", most: 1, is: instant},
	{name: "onset", most: 1, is: instant},
	{name: "expires", most: 1, is: instant},
	{name: "senderName", most: 1},
	{name: "headline", most: 1},
	{name: "description", most: 1},
	{name: "instruction", most: 1},
	{name: "web", most: 1},
	{name: "image", most: 1, until: "1.0"},
	{name: "contact", most: 1},
	{name: "parameter", children: pairRules},
	{name: "resource", children: []rule{
		{name: "resourceDesc", least: 1, most: 1},
		{name: "mimeType", most: 1},
		{name: "size", most: 1},
		{name: "uri", most: 1},
		{name: "derefUri", most: 1, from: "1.1"},
		{name: "digest", most: 1},
	}},
	{name: "area", children: []rule{
		{name: "areaDesc", least: 1, most: 1},
		{name: "polygon", is: polygon},
		{name: "circle", is: circle},
		{name: "geocode", children: pairRules},
		{name: "altitude", most: 1, is: number},
		{name: "ceiling", most: 1, is: number},
	}},
}

var pairRules = []rule{{name: "valueName", least: 1, most: 1}, {name: "value", least: 1, most: 1}}

// checker gathers the rules that a message breaks.
type checker struct {
	version  string
	space    string
	points   int  // of polygons so far
	national bool // the identifier is a number of China's warning platform
	broken   []alert.Field
	more     int
}

func (v *checker) add(path, reason, value string) {
	if len(v.broken) >= MaxProblems {
		v.more++
		return
	}
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:60], "") + "…"
	}
	v.broken = append(v.broken, alert.Field{Field: path, Reason: reason, Value: value})
}

func (v *checker) err() error {
	if len(v.broken) == 0 {
		return nil
	}
	n := len(v.broken) + v.more
	detail := fmt.Sprintf("the message breaks %d rules of CAP %s", n, v.version)
	if n == 1 {
		detail = "the message breaks 1 rule of CAP " + v.version
	}
	return &alert.Error{Code: alert.CodeInvalid, Detail: detail, Fields: v.broken}
}

// knows reports whether the version has an element.
func (v *checker) knows(r *rule) bool {
	return v.version >= r.from && (r.until == "" || v.version <= r.until)
}

// pairsAreText reports whether named values are written name=value, as in CAP 1.0.
func (v *checker) pairsAreText() bool { return v.version == "1.0" }

// element checks the children of e. Their order, which the schema fixes, is not asked for: no reader of the message
// could take it for another one, and warnings in use have it otherwise.
func (v *checker) element(e *element, path string, rules []rule) {
	if len(e.children) > 0 && len(strings.TrimSpace(string(e.chars))) > 0 {
		v.add(path, "holds text between its elements", e.text())
	}
	counts := make([]int, len(rules))
	for _, c := range e.children {
		i := find(rules, c.name)
		switch {
		case c.space != v.space:
			v.add(path, fmt.Sprintf("holds <%.40s> of the namespace %.60q: want %s", c.name, c.space, v.space), "")
			continue
		case i < 0 || !v.knows(&rules[i]):
			v.add(path, fmt.Sprintf("holds <%.40s>, which CAP %s does not have there", c.name, v.version), "")
			continue
		}
		r := &rules[i]
		counts[i]++
		at := path + "." + r.name
		if r.most != 1 {
			at = fmt.Sprintf("%s[%d]", at, counts[i]-1)
		}
		v.one(c, at, r)
	}
	for i := range rules {
		r := &rules[i]
		if !v.knows(r) {
			continue
		}
		if counts[i] < v.least(r) {
			v.add(path+"."+r.name, "is required", "")
		}
		if r.most > 0 && counts[i] > r.most {
			v.add(path+"."+r.name, fmt.Sprintf("stands %d times, at most %d", counts[i], r.most), "")
		}
	}
}

// least is how often an element must be there: scope and category since 1.1, the type of a resource since 1.2.
func (v *checker) least(r *rule) int {
	if (r.name == "scope" || r.name == "category") && v.version > "1.0" || r.name == "mimeType" && v.version > "1.1" {
		return 1
	}
	return r.least
}

func (v *checker) one(e *element, path string, r *rule) {
	isPair := len(r.children) == len(pairRules) && r.children[0].name == "valueName"
	switch {
	case isPair && v.pairsAreText():
		if !strings.Contains(string(e.chars), "=") {
			v.add(path, "is not of the form name=value", e.text())
		}
	case r.children != nil:
		v.element(e, path, r.children)
	case len(e.children) > 0:
		v.add(path, "holds elements, want text", "")
	case r.is != nil:
		if text := e.text(); text != "" || v.needed(r) {
			if wrong := r.is(v, text); wrong != "" {
				v.add(path, wrong, text)
			}
		}
	}
}

// needed reports whether an empty element is wrong: what is optional may stand there empty, as some senders leave it.
func (v *checker) needed(r *rule) bool { return v.least(r) > 0 }

func find(rules []rule, name string) int {
	for i := range rules {
		if rules[i].name == name {
			return i
		}
	}
	return -1
}

func filled(_ *checker, text string) string {
	if text == "" {
		return "is empty"
	}
	return ""
}

// name checks an identifier or a sender: no spaces, commas, < or & (CAP 1.2 section 3.2.1).
func name(_ *checker, text string) string {
	switch {
	case text == "":
		return "is empty"
	case len(text) > alert.MaxIDBytes:
		return fmt.Sprintf("is %d bytes long, at most %d are taken", len(text), alert.MaxIDBytes)
	case strings.ContainsAny(text, " ,<&\t\r\n"):
		return "holds a space, a comma, < or &, which may not stand there"
	}
	return ""
}

func oneOf(list []string) check {
	return func(v *checker, text string) string {
		known := make([]string, 0, len(list))
		for _, code := range list {
			version, name, ok := strings.Cut(code, ":")
			if !ok {
				version, name = "1.0", code
			}
			if version <= v.version {
				if name == text {
					return ""
				}
				known = append(known, name)
			}
		}
		return "is not one of " + strings.Join(known, ", ")
	}
}

// severity takes the four colours beside the list in a message with a national warning number: China's warning
// platform writes them there.
func severity(v *checker, text string) string {
	if v.national && colours[text] != "" {
		return ""
	}
	return oneOf(severities)(v, text)
}

// timeForm is that of CAP 1.2 section 3.3.2: no Z, no fraction.
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d$`)

func instant(v *checker, text string) string {
	if _, ok := when(v.version, text); ok {
		return ""
	}
	return "is not a time such as 2002-05-24T16:49:00-07:00, with an offset and without Z or fractions"
}

func when(version, text string) (time.Time, bool) {
	if version > "1.0" && !timeForm.MatchString(text) {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, text)
	return t, err == nil && t.Year() >= 1970
}

var languageForm = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`) // RFC 3066

func language(_ *checker, text string) string {
	if !languageForm.MatchString(text) {
		return "is not a language such as zh-CN"
	}
	return ""
}
