package cap

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Parse reads a message and checks it. The error is an *alert.Error: malformed for what is no XML or none that is
// taken, too_large past a bound, invalid with every element that breaks a rule.
func Parse(raw []byte) (*Message, error) {
	root, signed, err := tree(raw)
	if err != nil {
		return nil, err
	}
	v := checker{space: root.space, version: spaces[root.space]}
	if v.version == "" || root.name != "alert" {
		return nil, &alert.Error{Code: alert.CodeInvalid, Detail: "not a message of the Common Alerting Protocol", Fields: []alert.Field{{Field: root.name,
			Reason: "is the outermost element, want <alert> of the namespace urn:oasis:names:tc:emergency:cap:1.2, or of 1.1 or 1.0; send what stands in an envelope without it, one message at a time", Value: root.space}}}
	}
	v.national = nationalForm.MatchString(root.child("identifier"))
	v.element(root, "alert", alertRules)
	m := Message{Version: v.version, Signed: signed}
	m.fill(&v, root)
	m.together(&v, root)
	if err := v.err(); err != nil {
		return nil, err
	}
	return &m, nil
}

// child returns the text of the first child of a name.
func (e *element) child(name string) string {
	for _, c := range e.children {
		if c.name == name {
			return c.text()
		}
	}
	return ""
}

func (e *element) all(name string) (texts []string) {
	for _, c := range e.children {
		if c.name == name {
			if text := c.text(); text != "" {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// fill reads what is known to keep the rules, or will be refused anyhow.
func (m *Message) fill(v *checker, e *element) {
	m.Identifier, m.Sender, m.Source, m.Note = e.child("identifier"), e.child("sender"), e.child("source"), e.child("note")
	m.Sent, _ = when(v.version, e.child("sent"))
	m.Status, m.Kind, m.Scope, m.Incidents = Status(e.child("status")), Kind(e.child("msgType")), e.child("scope"), e.child("incidents")
	m.Codes = e.all("code")
	for _, text := range strings.Fields(e.child("references")) {
		parts := strings.Split(text, ",")
		if len(parts) == 1 && v.version == "1.0" {
			m.References = append(m.References, Reference{Identifier: text})
			continue
		}
		if len(parts) != 3 {
			v.add("alert.references", "is not a list of sender,identifier,sent with spaces between", text)
			break
		}
		sent, ok := when(v.version, parts[2])
		if !ok {
			v.add("alert.references", "holds a time that is none such as 2002-05-24T16:49:00-07:00", parts[2])
			break
		}
		m.References = append(m.References, Reference{parts[0], parts[1], sent})
	}
	for _, c := range e.children {
		if c.name == "info" && len(m.Infos) < MaxInfos {
			m.Infos = append(m.Infos, info(v, c))
		}
	}
}

// together checks what elements say of each other.
func (m *Message) together(v *checker, e *element) {
	if m.Kind != KindAlert && len(m.References) == 0 && find([]rule{{name: string(KindUpdate)}, {name: string(KindCancel)}, {name: string(KindAck)}, {name: string(KindError)}}, string(m.Kind)) >= 0 {
		v.add("alert.references", "is required with msgType "+string(m.Kind)+": which message is meant?", "")
	}
	if v.version > "1.0" && m.Scope == "Private" && e.child("addresses") == "" {
		v.add("alert.addresses", "is required with scope Private", "")
	}
	if v.version > "1.0" && m.Scope == "Restricted" && e.child("restriction") == "" {
		v.add("alert.restriction", "is required with scope Restricted", "")
	}
	i := 0
	for _, c := range e.children {
		if c.name != "info" {
			continue
		}
		n := 0
		for _, a := range c.children {
			if a.name == "area" {
				if a.child("ceiling") != "" && a.child("altitude") == "" {
					v.add(fmt.Sprintf("alert.info[%d].area[%d].ceiling", i, n), "may not stand without altitude", "")
				}
				n++
			}
		}
		i++
	}
}

func info(v *checker, e *element) Info {
	at := func(name string) time.Time {
		t, _ := when(v.version, e.child(name))
		return t
	}
	i := Info{Language: e.child("language"), Categories: e.all("category"), Event: e.child("event"), Responses: e.all("responseType"),
		Urgency: e.child("urgency"), Severity: e.child("severity"), Certainty: e.child("certainty"),
		Effective: at("effective"), Onset: at("onset"), Expires: at("expires"), SenderName: e.child("senderName"),
		Headline: e.child("headline"), Description: e.child("description"), Instruction: e.child("instruction"),
		Web: e.child("web"), Contact: e.child("contact"), EventCodes: pairs(v, e, "eventCode"), Parameters: pairs(v, e, "parameter")}
	if i.Language == "" {
		i.Language = "en-US" // CAP 1.2 section 3.2.2
	}
	if i.Certainty == "Very Likely" {
		i.Certainty = "Likely"
	}
	for _, c := range e.children {
		if c.name != "area" {
			continue
		}
		a := Area{Desc: c.child("areaDesc"), Geocodes: pairs(v, c, "geocode")}
		for _, text := range c.all("polygon") {
			if ring, wrong := readPolygon(text); wrong == "" {
				a.Polygons = append(a.Polygons, geo.Polygon{ring})
			}
		}
		for _, text := range c.all("circle") {
			if circle, wrong := readCircle(text); wrong == "" {
				a.Circles = append(a.Circles, circle)
			}
		}
		i.Areas = append(i.Areas, a)
	}
	return i
}

func pairs(v *checker, e *element, name string) (list []Pair) {
	for _, c := range e.children {
		switch {
		case c.name != name:
		case v.pairsAreText():
			key, value, _ := strings.Cut(c.text(), "=")
			list = append(list, Pair{strings.TrimSpace(key), strings.TrimSpace(value)})
		default:
			list = append(list, Pair{c.child("valueName"), c.child("value")})
		}
	}
	return list
}

func polygon(v *checker, text string) string {
	ring, wrong := readPolygon(text)
	if v.points += len(ring); wrong == "" && v.points > MaxPoints {
		return fmt.Sprintf("brings the message to more than %d points, the most that is taken", MaxPoints)
	}
	return wrong
}

// readPolygon reads lat,lon pairs: four or more, the last one the first again (CAP 1.2 section 3.2.4).
func readPolygon(text string) (geo.Ring, string) {
	words := strings.Fields(text)
	ring := make(geo.Ring, 0, len(words))
	for _, word := range words {
		p, wrong := readPoint(word)
		if wrong != "" {
			return nil, wrong
		}
		ring = append(ring, p)
	}
	switch {
	case len(ring) < 4:
		return nil, fmt.Sprintf("has %d points, want 4 or more", len(ring))
	case ring[0] != ring[len(ring)-1]:
		return nil, "does not end at its first point"
	}
	return ring[:len(ring)-1], ""
}

func readPoint(word string) (geo.Point, string) {
	lat, lon, ok := strings.Cut(word, ",")
	y, err1 := strconv.ParseFloat(lat, 64)
	x, err2 := strconv.ParseFloat(lon, 64)
	p := geo.Point{Lon: x, Lat: y}
	if !ok || err1 != nil || err2 != nil || p.Validate() != nil {
		return p, fmt.Sprintf("holds %.40q, which is no position: want latitude,longitude in degrees of WGS-84", word)
	}
	return p, ""
}

const maxRadiusKM = 20_038 // half way round

func circle(_ *checker, text string) string {
	_, wrong := readCircle(text)
	return wrong
}

// readCircle reads a centre and a radius in kilometres.
func readCircle(text string) (geo.Circle, string) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return geo.Circle{}, "is not latitude,longitude and, behind a space, a radius in kilometres"
	}
	centre, wrong := readPoint(words[0])
	if wrong != "" {
		return geo.Circle{}, wrong
	}
	km, err := strconv.ParseFloat(words[1], 64)
	if err != nil || !(km >= 0 && km <= maxRadiusKM) {
		return geo.Circle{}, fmt.Sprintf("has the radius %.40q: want kilometres, 0 or more", words[1])
	}
	return geo.Circle{Centre: centre, RadiusM: km * 1000}, ""
}

func number(_ *checker, text string) string {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return "is not a number"
	}
	return ""
}
