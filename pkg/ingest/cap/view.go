package cap

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Chosen returns the info blocks of the language that this city reads: zh-CN, else any Chinese, else any English,
// else the language of the first block. They are all about the same event; where it has several stages or
// segments there are several.
func (m *Message) Chosen() []Info {
	if len(m.Infos) == 0 {
		return nil
	}
	chosen := m.Infos[0].Language
	for _, wanted := range []string{"zh-CN", "zh", "en"} {
		if language := m.first(wanted); language != "" {
			chosen = language
			break
		}
	}
	var infos []Info
	for _, i := range m.Infos {
		if strings.EqualFold(i.Language, chosen) {
			infos = append(infos, i)
		}
	}
	return infos
}

// first finds a language that is the wanted one or a kind of it.
func (m *Message) first(wanted string) string {
	for _, i := range m.Infos {
		if len(i.Language) >= len(wanted) && strings.EqualFold(i.Language[:len(wanted)], wanted) &&
			(len(i.Language) == len(wanted) || i.Language[len(wanted)] == '-') {
			return i.Language
		}
	}
	return ""
}

// Expires is when the last of the blocks expires; zero where one of them does not say.
func Expires(infos []Info) (last time.Time) {
	for _, i := range infos {
		if i.Expires.IsZero() {
			return time.Time{}
		}
		if i.Expires.After(last) {
			last = i.Expires
		}
	}
	return last
}

// Root is the first message of the chain that m belongs to, as far as its references say: the earliest.
func (m *Message) Root() (root Reference) {
	for i, r := range m.References {
		if i == 0 || r.Sent.Before(root.Sent) {
			root = r
		}
	}
	return root
}

// colours are words for the four warning levels.
var colours = map[string]alert.WarningLevel{"Red": alert.Red, "Orange": alert.Orange, "Yellow": alert.Yellow, "Blue": alert.Blue,
	"RED": alert.Red, "ORANGE": alert.Orange, "YELLOW": alert.Yellow, "BLUE": alert.Blue}

var levelWords = []struct {
	level   alert.WarningLevel
	chinese string
}{{alert.Red, "红色"}, {alert.Orange, "橙色"}, {alert.Yellow, "黄色"}, {alert.Blue, "蓝色"}}

// Level is the warning level (one of four colours) that blocks name, the highest of several; "" where they name
// none. It is looked for in the severity of a national warning, in parameters and event codes whose name speaks of a
// colour or a level, and in Chinese in event and headline. It is never worked out from severity or urgency.
func Level(infos []Info) alert.WarningLevel {
	var highest alert.WarningLevel
	for i := range infos {
		if l := infos[i].level(); l.Above(highest) {
			highest = l
		}
	}
	return highest
}

func (i *Info) level() alert.WarningLevel {
	if l := colours[i.Severity]; l != "" {
		return l
	}
	for _, list := range [][]Pair{i.Parameters, i.EventCodes} {
		for _, p := range list {
			name := strings.ToLower(p.Name)
			if strings.Contains(name, "colo") || strings.Contains(name, "level") || strings.Contains(name, "级别") || strings.Contains(name, "颜色") {
				if l := colourIn(p.Value); l != "" {
					return l
				}
			}
		}
	}
	for _, text := range []string{i.Event, i.Headline} {
		for _, w := range levelWords {
			if strings.Contains(text, w.chinese) {
				return w.level
			}
		}
	}
	return ""
}

func colourIn(text string) alert.WarningLevel {
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < utf8.RuneSelf && (r < 'a' || r > 'z') }) {
		for _, w := range levelWords {
			if word == string(w.level) || strings.HasPrefix(word, w.chinese) || word+"色" == w.chinese {
				return w.level
			}
		}
	}
	return ""
}

// Bounds of what a profile sees of a message.
const (
	maxTextBytes = 4 << 10
	maxPairs     = 64
)

// Body is a message as a profile sees it: bounded, without coordinates.
func (m *Message) Body(infos []Info, p *Place) map[string]any {
	body := map[string]any{
		"identifier": m.Identifier, "sender": m.Sender, "sent": m.Sent.Format(time.RFC3339), "status": string(m.Status), "msg_type": string(m.Kind),
		"scope": m.Scope, "source": m.Source, "note": short(m.Note), "incidents": short(m.Incidents),
		"area": p.Area, "areas": list(p.Areas), "level": string(Level(infos)),
	}
	if p.Location != nil {
		body["lon"], body["lat"], body["accuracy_m"] = p.Location.Lon, p.Location.Lat, p.AccuracyM
	}
	var descs []string
	for _, i := range infos {
		for _, a := range i.Areas {
			if len(descs) < maxPairs {
				descs = append(descs, short(a.Desc))
			}
		}
	}
	body["area_desc"] = short(strings.Join(descs, "; "))
	if len(infos) == 0 {
		return body
	}
	i := infos[0]
	body["language"], body["event"], body["category"] = i.Language, short(i.Event), ""
	if len(i.Categories) > 0 {
		body["category"] = i.Categories[0]
	}
	body["urgency"], body["severity"], body["certainty"] = i.Urgency, i.Severity, i.Certainty
	body["sender_name"], body["headline"], body["description"] = short(i.SenderName), short(i.Headline), short(i.Description)
	body["instruction"], body["web"], body["contact"] = short(i.Instruction), short(i.Web), short(i.Contact)
	body["responses"], body["parameters"], body["event_codes"] = list(i.Responses), object(i.Parameters), object(i.EventCodes)
	body["event_code"] = ""
	if len(i.EventCodes) > 0 {
		body["event_code"] = short(i.EventCodes[0].Value)
	}
	for name, at := range map[string]time.Time{"effective": i.Effective, "onset": i.Onset, "expires": i.Expires} {
		if !at.IsZero() {
			body[name] = at.Format(time.RFC3339)
		}
	}
	return body
}

// short cuts a text at maxTextBytes, between two characters.
func short(s string) string {
	if len(s) <= maxTextBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxTextBytes-3], "") + "…"
}

func list(texts []string) []any {
	all := make([]any, 0, len(texts))
	for _, t := range texts {
		all = append(all, t)
	}
	return all
}

func object(pairs []Pair) map[string]any {
	o := make(map[string]any, len(pairs))
	for n, p := range pairs {
		if n == maxPairs {
			break
		}
		o[short(p.Name)] = short(p.Value)
	}
	return o
}
