package codec

import (
	"fmt"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
)

type storedRubrics struct {
	Rubrics []storedRubric `json:"rubrics,omitempty"`
}

type storedRubric struct {
	Name          string         `json:"name,omitzero"`
	Title         string         `json:"title,omitzero"`
	Description   string         `json:"description,omitzero"`
	Pack          bool           `json:"pack,omitzero"`
	Detect        bool           `json:"detect,omitzero"`
	AppliesTo     *string        `json:"applies_to,omitzero"`
	Levels        []string       `json:"levels,omitempty"`
	Strict        bool           `json:"strict,omitzero"`
	PassLevel     string         `json:"pass_level,omitzero"`
	CoverageFloor float64        `json:"coverage_floor,omitzero"`
	Weight        float64        `json:"weight,omitzero"`
	EffectiveFrom time.Time      `json:"effective_from,omitzero"`
	Draft         bool           `json:"draft,omitzero"`
	Checks        []storedCheck  `json:"checks,omitempty"`
	Version       string         `json:"version,omitzero"`
	Position      storedPosition `json:"position,omitzero"`
}

// EncodeRubrics returns the payload of rubrics, in their order: what is shown
// of them, with the text of conditions and queries.
func EncodeRubrics(rubrics []*rubric.Rubric) ([]byte, error) {
	data, err := marshal(storedRubrics{convert(rubrics, newStoredRubric)})
	if err != nil {
		return nil, fmt.Errorf("encode the rubrics: %w", err)
	}
	return data, nil
}

// DecodeRubrics returns the rubrics of a payload, for showing: their conditions
// and identities are quotations that cannot be evaluated, and values have their
// Query but no Expr, so that they cannot be rendered. No rubric is graded by
// them.
func DecodeRubrics(payload []byte) ([]*rubric.Rubric, error) {
	var stored storedRubrics
	if err := unmarshal(payload, &stored); err != nil {
		return nil, fmt.Errorf("decode the rubrics: %w", err)
	}
	rubrics := make([]*rubric.Rubric, 0, len(stored.Rubrics))
	for i := range stored.Rubrics {
		r, err := stored.Rubrics[i].rubric()
		if err != nil {
			return nil, fmt.Errorf("decode the rubric %q: %w", stored.Rubrics[i].Name, err)
		}
		rubrics = append(rubrics, r)
	}
	return nilWhenEmpty(rubrics), nil
}

func nilWhenEmpty[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func newStoredRubric(r *rubric.Rubric) storedRubric {
	return storedRubric{
		Name: r.Name, Title: r.Title, Description: r.Description, Pack: r.Pack, Detect: r.Detect, AppliesTo: quote(r.AppliesTo), Levels: r.Levels,
		Strict: r.Strict, PassLevel: r.PassLevel, CoverageFloor: r.CoverageFloor, Weight: r.Weight,
		EffectiveFrom: r.EffectiveFrom.UTC(), Draft: r.Draft, Checks: convert(r.Checks, newStoredCheck), Version: r.Version,
		Position: storedPosition(r.Position),
	}
}

func (r *storedRubric) rubric() (*rubric.Rubric, error) {
	checks := make([]*rubric.Check, 0, len(r.Checks))
	for i := range r.Checks {
		c, err := r.Checks[i].check()
		if err != nil {
			return nil, fmt.Errorf("check %q: %w", r.Checks[i].Name, err)
		}
		checks = append(checks, c)
	}
	return &rubric.Rubric{
		Name: r.Name, Title: r.Title, Description: r.Description, Pack: r.Pack, Detect: r.Detect, AppliesTo: unquote(r.AppliesTo),
		Levels: nilWhenEmpty(r.Levels), Strict: r.Strict, PassLevel: r.PassLevel, CoverageFloor: r.CoverageFloor, Weight: r.Weight,
		EffectiveFrom: r.EffectiveFrom.UTC(), Draft: r.Draft, Checks: nilWhenEmpty(checks), Version: r.Version,
		Position: catalog.Position(r.Position),
	}, nil
}

// quote returns the text of a condition, nil for none.
func quote(c *catalog.Condition) *string {
	if c == nil {
		return nil
	}
	return new(c.Source())
}

func unquote(text *string) *catalog.Condition {
	if text == nil {
		return nil
	}
	return catalog.QuotedCondition(*text)
}
