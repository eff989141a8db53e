package cap

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// timeLayout is that of CAP 1.2 section 3.3.2.
const timeLayout = "2006-01-02T15:04:05-07:00"

// Write returns an incident as a CAP 1.2 message: an Alert when it has just been opened, later an Update of that, a
// Cancel when it was cancelled. It is Public where the source that opened it is, else Restricted. What the
// standard asks for and a centre does not judge, its severity, is Unknown: priority and warning level are axes of
// their own and stand in parameters.
func Write(city *plan.City, i *alert.Incident) []byte {
	sender := city.ID + ".banyan"
	w := &writer{zone: city.Zone}
	w.b.WriteString(xml.Header)
	w.b.WriteString(`<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">` + "\n")
	kind, id := KindAlert, i.ID
	if i.UpdatedAt != i.OpenedAt {
		kind, id = KindUpdate, i.ID+"."+strconv.FormatUint(i.Seq, 10)
	}
	if i.State == alert.IncidentCancelled {
		kind = KindCancel
	}
	w.text("identifier", id)
	w.text("sender", sender)
	w.time("sent", i.UpdatedAt)
	w.text("status", string(status(i)))
	w.text("msgType", string(kind))
	if i.Sensitivity == alert.Public {
		w.text("scope", "Public")
	} else {
		w.text("scope", "Restricted")
		w.text("restriction", "for departments joined with the emergency command centre 限应急指挥中心联动部门")
	}
	if kind != KindAlert {
		w.text("references", sender+","+i.ID+","+w.at(i.OpenedAt))
	}
	w.text("incidents", i.Number)
	w.info(city, i)
	w.b.WriteString("</alert>\n")
	return w.b.Bytes()
}

func status(i *alert.Incident) Status {
	if i.Exercise {
		return Exercise
	}
	return Actual
}

type writer struct {
	b    bytes.Buffer
	zone *time.Location
}

func (w *writer) at(t alert.Time) string { return t.Std().In(w.zone).Format(timeLayout) }

func (w *writer) text(name, text string) {
	w.b.WriteString("<" + name + ">")
	_ = xml.EscapeText(&w.b, []byte(text)) // a buffer takes everything
	w.b.WriteString("</" + name + ">\n")
}

func (w *writer) time(name string, t alert.Time) {
	if t != 0 {
		w.text(name, w.at(t))
	}
}

func (w *writer) pair(element, name, value string) {
	if value != "" {
		w.b.WriteString("<" + element + ">")
		w.text("valueName", name)
		w.text("value", value)
		w.b.WriteString("</" + element + ">\n")
	}
}

func (w *writer) info(city *plan.City, i *alert.Incident) {
	name := i.Type
	if t, ok := city.Type(i.Type); ok && t.Name != "" {
		name = t.Name
	}
	warned := i.WarningLevel != ""
	w.b.WriteString("<info>\n")
	w.text("language", "zh-CN")
	w.text("category", category(i))
	w.text("event", name)
	w.text("urgency", choose(i.State.Final(), "Past", choose(warned, "Expected", "Immediate")))
	w.text("severity", "Unknown")
	w.text("certainty", choose(i.Unconfirmed != nil, "Possible", choose(warned, "Likely", "Observed")))
	w.pair("eventCode", "banyan:type", i.Type)
	w.time("onset", i.FirstOccurredAt)
	w.time("expires", i.ExpiresAt)
	w.text("senderName", city.Name)
	w.text("headline", i.Number+" "+name)
	if i.Text != "" {
		w.text("description", i.Text)
	}
	w.pair("parameter", "banyan:incident", i.ID)
	w.pair("parameter", "banyan:state", string(i.State))
	w.pair("parameter", "banyan:priority", i.Priority.String())
	w.pair("parameter", "banyan:warning_level", string(i.WarningLevel))
	w.area(city, i)
	w.b.WriteString("</info>\n")
}

func (w *writer) area(city *plan.City, i *alert.Incident) {
	codes := i.Areas[max(len(i.Areas)-1, 0):]
	if i.Cover != nil && len(i.Cover.Areas) > 0 {
		codes = i.Cover.Areas
	}
	var names []string
	for _, code := range codes {
		if a, ok := city.Areas.Area(code); ok {
			names = append(names, a.Name)
		}
	}
	if len(names) == 0 {
		names = []string{city.Name}
	}
	w.b.WriteString("<area>\n")
	w.text("areaDesc", strings.Join(names, "、"))
	if l := i.Location; l != nil && i.LocationFrom == alert.FromPosition {
		w.text("circle", fmt.Sprintf("%s,%s %s", decimal(l.Lat), decimal(l.Lon), decimal(l.AccuracyM/1000)))
	}
	for _, code := range codes {
		w.pair("geocode", "GB/T 2260", code+strings.Repeat("0", max(12-len(code), 0)))
	}
	w.b.WriteString("</area>\n")
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func choose(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// category is the nearest of the standard's for a kind of incident.
func category(i *alert.Incident) string {
	kind, _, _ := strings.Cut(i.Type, ".")
	switch {
	case kind == "fire":
		return "Fire"
	case kind == "weather":
		return "Met"
	case kind == "medical" || i.Class == alert.ClassHealth:
		return "Health"
	case i.Class == alert.ClassNatural:
		return "Geo"
	case i.Class == alert.ClassSecurity:
		return "Security"
	}
	return "Safety"
}
