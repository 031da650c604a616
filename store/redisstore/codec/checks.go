package codec

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
)

// storedCheck is a check of a rubric.
type storedCheck struct {
	Rubric     string           `json:"rubric,omitzero"`
	Name       string           `json:"name,omitzero"`
	Title      string           `json:"title,omitzero"`
	Why        string           `json:"why,omitzero"`
	Fix        string           `json:"fix,omitzero"`
	Severity   string           `json:"severity,omitzero"`
	Weight     float64          `json:"weight,omitzero"`
	Level      string           `json:"level,omitzero"`
	LevelRank  int              `json:"level_rank,omitzero"`
	Identities []storedLabels   `json:"identities,omitempty"`
	AppliesTo  *string          `json:"applies_to,omitzero"`
	OnMissing  string           `json:"on_missing,omitzero"`
	Kind       string           `json:"kind,omitzero"`
	Events     *storedEvents    `json:"events,omitzero"`
	Histogram  *storedHistogram `json:"histogram,omitzero"`
	Value      *storedValue     `json:"value,omitzero"`
	Catalog    *string          `json:"catalog,omitzero"`
	Objective  float64          `json:"objective,omitzero"`
	Period     seconds          `json:"period,omitzero"`
	Window     seconds          `json:"window,omitzero"`
	Pass       *float64         `json:"pass,omitzero"`
	Fail       *float64         `json:"fail,omitzero"`
	Op         string           `json:"op,omitzero"`
	Interval   seconds          `json:"interval,omitzero"`
	Hash       string           `json:"hash,omitzero"`
	SLI        string           `json:"sli,omitzero"`
	Position   storedPosition   `json:"position,omitzero"`
}

// storedLabels is an identity of a check.
type storedLabels struct {
	Name     string         `json:"name,omitzero"`
	Labels   []storedLabel  `json:"labels,omitempty"`
	Presence string         `json:"presence,omitzero"`
	Hash     string         `json:"hash,omitzero"`
	Position storedPosition `json:"position,omitzero"`
}

type storedLabel struct {
	Name   string  `json:"name,omitzero"`
	Values *string `json:"values,omitzero"`
}

type storedEvents struct {
	Total    storedSelector  `json:"total,omitzero"`
	Bad      []storedMatcher `json:"bad,omitempty"`
	BadOf    *storedSelector `json:"bad_of,omitzero"`
	Recorded string          `json:"recorded,omitzero"`
}

type storedHistogram struct {
	Of        storedSelector `json:"of,omitzero"`
	Threshold float64        `json:"threshold,omitzero"`
}

type storedValue struct {
	Query  string `json:"query,omitzero"`
	Across string `json:"across,omitzero"`
	Unit   string `json:"unit,omitzero"`
}

type storedSelector struct {
	Metric string          `json:"metric,omitzero"`
	Where  []storedMatcher `json:"where,omitempty"`
}

// storedMatcher is a label matcher; its type is "=", "!=", "=~" or "!~".
type storedMatcher struct {
	Label string `json:"label"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

func newStoredCheck(c *rubric.Check) storedCheck {
	out := storedCheck{
		Rubric: c.Rubric, Name: c.Name, Title: c.Title, Why: c.Why, Fix: c.Fix, Severity: string(c.Severity), Weight: c.Weight,
		Level: c.Level, LevelRank: c.LevelRank, Identities: convert(c.Identities, newStoredLabels), AppliesTo: quote(c.AppliesTo),
		OnMissing: string(c.OnMissing), Kind: string(c.Kind), Catalog: quote(c.Catalog), Objective: c.Objective,
		Period: seconds(c.Period), Window: seconds(c.Window), Pass: c.Pass, Fail: c.Fail, Op: string(c.Op),
		Interval: seconds(c.Interval), Hash: c.Hash, SLI: c.SLI, Position: storedPosition(c.Position),
	}
	if e := c.Events; e != nil {
		out.Events = &storedEvents{Total: newStoredSelector(e.Total), Bad: convert(e.Bad, newStoredMatcher), Recorded: e.Recorded}
		if e.BadOf != nil {
			out.Events.BadOf = new(newStoredSelector(*e.BadOf))
		}
	}
	if h := c.Histogram; h != nil {
		out.Histogram = &storedHistogram{Of: newStoredSelector(h.Selector), Threshold: h.Threshold}
	}
	if v := c.Value; v != nil {
		out.Value = &storedValue{Query: v.Query, Across: string(v.Across), Unit: v.Unit}
	}
	return out
}

func (c *storedCheck) check() (*rubric.Check, error) {
	out := &rubric.Check{
		Rubric: c.Rubric, Name: c.Name, Title: c.Title, Why: c.Why, Fix: c.Fix, Severity: rubric.Severity(c.Severity), Weight: c.Weight,
		Level: c.Level, LevelRank: c.LevelRank, Identities: convert(c.Identities, storedLabels.identity),
		AppliesTo: unquote(c.AppliesTo), OnMissing: rubric.OnMissing(c.OnMissing), Kind: rubric.Kind(c.Kind),
		Catalog: unquote(c.Catalog), Objective: c.Objective, Period: time.Duration(c.Period), Window: time.Duration(c.Window),
		Pass: c.Pass, Fail: c.Fail, Op: rubric.Op(c.Op), Interval: time.Duration(c.Interval), Hash: c.Hash, SLI: c.SLI,
		Position: catalog.Position(c.Position),
	}
	if v := c.Value; v != nil {
		out.Value = &rubric.Value{Query: v.Query, Across: rubric.Across(v.Across), Unit: v.Unit}
	}
	var err error
	if c.Events != nil {
		if out.Events, err = c.Events.events(); err != nil {
			return nil, err
		}
	}
	if c.Histogram != nil {
		selector, err := c.Histogram.Of.selector()
		if err != nil {
			return nil, err
		}
		out.Histogram = &rubric.Histogram{Selector: selector, Threshold: c.Histogram.Threshold}
	}
	return out, nil
}

func (e *storedEvents) events() (*rubric.Events, error) {
	total, err := e.Total.selector()
	if err != nil {
		return nil, err
	}
	bad, err := matchers(e.Bad)
	if err != nil {
		return nil, err
	}
	out := &rubric.Events{Total: total, Bad: bad, Recorded: e.Recorded}
	if e.BadOf != nil {
		of, err := e.BadOf.selector()
		if err != nil {
			return nil, err
		}
		out.BadOf = &of
	}
	return out, nil
}

func newStoredLabels(id *rubric.Identity) storedLabels {
	return storedLabels{
		Name: id.Name, Labels: convert(id.Labels, newStoredLabel), Presence: id.Presence, Hash: id.Hash,
		Position: storedPosition(id.Position),
	}
}

func (id storedLabels) identity() *rubric.Identity {
	return &rubric.Identity{
		Name: id.Name, Labels: convert(id.Labels, storedLabel.label), Presence: id.Presence, Hash: id.Hash,
		Position: catalog.Position(id.Position),
	}
}

func newStoredLabel(l rubric.IdentityLabel) storedLabel {
	if l.Values == nil {
		return storedLabel{Name: l.Name}
	}
	return storedLabel{Name: l.Name, Values: new(l.Values.Source())}
}

func (l storedLabel) label() rubric.IdentityLabel {
	if l.Values == nil {
		return rubric.IdentityLabel{Name: l.Name}
	}
	return rubric.IdentityLabel{Name: l.Name, Values: catalog.QuotedExpression(*l.Values)}
}

func newStoredSelector(s rubric.Selector) storedSelector {
	return storedSelector{Metric: s.Metric, Where: convert(s.Where, newStoredMatcher)}
}

func (s *storedSelector) selector() (rubric.Selector, error) {
	where, err := matchers(s.Where)
	return rubric.Selector{Metric: s.Metric, Where: where}, err
}

func newStoredMatcher(m *labels.Matcher) storedMatcher {
	return storedMatcher{Label: m.Name, Type: m.Type.String(), Value: m.Value}
}

func matchers(stored []storedMatcher) ([]*labels.Matcher, error) {
	var out []*labels.Matcher
	for _, s := range stored {
		m, err := s.matcher()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (s storedMatcher) matcher() (*labels.Matcher, error) {
	for _, kind := range []labels.MatchType{labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp} {
		if kind.String() != s.Type {
			continue
		}
		m, err := labels.NewMatcher(kind, s.Label, s.Value)
		if err != nil {
			return nil, fmt.Errorf("the matcher of label %q: %w: %w", s.Label, err, ErrCorrupt)
		}
		return m, nil
	}
	return nil, fmt.Errorf("the matcher of label %q is of the type %q, which there is not: %w", s.Label, s.Type, ErrCorrupt)
}
