package rubric

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

const (
	day           = 24 * time.Hour
	minPeriod     = 7 * day
	maxPeriod     = 35 * day
	defaultPeriod = 30 * day
	ratioWindow   = time.Hour
	valueWindow   = slot
	minWindow     = 15 * time.Second
)

// check reads one check. After a report the result must not be used, but its
// name and position are good for further messages.
func (l *loader) check(m *strict.Map, r *Rubric, identities []*Identity) *Check {
	c := &Check{Rubric: r.Name, Name: m.Text("name"), Position: l.at(m.Line())}
	if len(m.Keys()) == 0 && m.Bad() {
		return c // it is no mapping, which has been said
	}
	nameCheck(m, c)
	c.Title = textOr(m, "title", c.Name)
	c.Why, c.Fix = strings.TrimSpace(m.Text("why")), strings.TrimSpace(m.Text("fix"))
	c.Severity = choice(m, "severity", Medium, Critical, High, Medium, Low)
	c.Weight = weight(m, DefaultWeight(c.Severity))
	if c.Level = m.Text("level"); c.Level != "" && !l.noLevels {
		c.LevelRank = rankOf(m, "level", c.Level, r.Levels)
	}
	c.AppliesTo = l.condition(m, "applies_to")
	l.kind(m, c)
	readThreshold(m, c)
	l.ratioAbove1(m, c)
	l.asking(m, c, identities)
	badOfEvents(m, c)
	for _, field := range []string{"description", "across", "unit", "query", "metric", "where", "bad"} {
		misplaced(m, field)
	}
	m.Done()
	if !m.Bad() {
		c.SLI, c.Hash = c.sli(), c.hash()
	}
	return c
}

func nameCheck(m *strict.Map, c *Check) {
	switch {
	case m.Bad():
	case c.Name == "":
		m.Mistake(m.Line(), "name is missing in %s: add \"name: …\"", m.What())
	default:
		if !namePattern.MatchString(c.Name) {
			m.Mistake(m.LineOf("name"), "%q is no name of a check: %s", strict.Clip(c.Name), nameRule)
		}
		m.Name(fmt.Sprintf("check %q", strict.Clip(c.Name)))
	}
}

// misplaced tells where a field belongs that is written one level too high.
func misplaced(m *strict.Map, field string) {
	places := map[string]string{
		"description": "use why for the reason and fix for the remedy",
		"across":      "it belongs into value: {…}",
		"unit":        "it belongs into value: {…}",
		"query":       "it belongs into value: {…}",
		"metric":      "it belongs into events: {…} or histogram: {…}",
		"where":       "it belongs into events: {…} or histogram: {…}",
		"bad":         "it belongs into events: {…}",
	}
	if slices.Contains(m.Keys(), field) {
		m.Ask(field)
		m.Mistake(m.LineOf(field), "%s does not stand here in %s: %s", field, m.What(), places[field])
	}
}

// choice reads a field that has a few possible values.
func choice[T ~string](m *strict.Map, field string, missing T, values ...T) T {
	text := m.Text(field)
	if text == "" {
		return missing
	}
	if slices.Contains(values, T(text)) {
		return T(text)
	}
	hint := "write "
	for i, v := range values {
		switch {
		case i > 0 && i == len(values)-1:
			hint += " or "
		case i > 0:
			hint += ", "
		}
		hint += string(v)
	}
	m.Mistake(m.LineOf(field), "%s of %s is %q: %s", field, m.What(), strict.Clip(text), hint)
	return missing
}

// kind reads the one field that says how the check comes to its facts.
func (l *loader) kind(m *strict.Map, c *Check) {
	var given []string
	for _, kind := range []Kind{KindEvents, KindHistogram, KindValue, KindCatalog} {
		if m.Has(string(kind)) {
			given = append(given, string(kind))
			c.Kind = kind
		}
	}
	if len(given) != 1 {
		what := "has none of events, histogram, value and catalog"
		if len(given) > 1 {
			what = "has " + strings.Join(given, " and ")
		}
		m.Mistake(m.Line(), "%s %s: give it exactly one, or split it into several checks", m.What(), what)
		c.Kind = ""
		return
	}
	switch c.Kind {
	case KindEvents:
		c.Events = events(m)
	case KindHistogram:
		c.Histogram = histogram(m)
	case KindValue:
		c.Value = value(m)
	case KindCatalog:
		c.Catalog = l.condition(m, string(KindCatalog))
	}
}

// asking reads how and how often the sources are asked.
func (l *loader) asking(m *strict.Map, c *Check, identities []*Identity) {
	if c.Kind == KindCatalog {
		for _, field := range []string{"identity", "on_missing", "interval"} {
			refuse(m, field, "a catalog check asks no source")
		}
		return
	}
	c.OnMissing = choice(m, "on_missing", MissingUnknown, MissingUnknown, MissingFail, MissingPass, MissingNotApplicable)
	if c.Interval = duration(m, "interval", 0, time.Second, slot, 0); c.Interval > 0 && slot%c.Interval != 0 {
		m.Mistake(m.LineOf("interval"), "interval of %s is %s, but must divide 5m: write e.g. 1m, 150s or 5m", m.What(), m.Text("interval"))
	}
	c.Identities = l.identityList(m, identities)
	if len(c.Identities) == 0 && !m.Has("identity") {
		if id := l.identities[defaultIdentity]; id != nil {
			c.Identities = []*Identity{id}
		}
	}
}

// refuse reports a field that means nothing for this check.
func refuse(m *strict.Map, field, why string) {
	if m.Has(field) {
		m.Mistake(m.LineOf(field), "%s means nothing in %s: %s; remove it", field, m.What(), why)
	}
}

// identityList reads a name or a list of names of identities, in order.
func (l *loader) identityList(m *strict.Map, missing []*Identity) []*Identity {
	if !m.Has("identity") {
		return missing
	}
	var out []*Identity
	for _, t := range m.TextOrTexts("identity") {
		id, ok := l.identities[t.Value]
		switch {
		case !ok:
			known := make([]string, 0, len(l.identities))
			for name := range l.identities {
				known = append(known, name)
			}
			slices.Sort(known)
			hint := "there are " + strings.Join(known, ", ")
			if near := strict.Nearest(t.Value, known); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			m.Mistake(t.Line, "identity %q of %s is not known: %s; identities are defined in apgar.yml", strict.Clip(t.Value), m.What(), hint)
		case slices.Contains(out, id):
			m.Mistake(t.Line, "identity %q is given twice in %s: remove one of them", strict.Clip(t.Value), m.What())
		default:
			out = append(out, id)
		}
	}
	if n := m.Node("identity"); n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		m.Mistake(m.LineOf("identity"), "identity of %s is an empty list: name one, or leave it out", m.What())
	}
	return out
}
