package page

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// rubrics is the page that says what good looks like.
type rubrics struct {
	frame
	Rubrics []rubricView
}

type rubricView struct {
	Name, Title, Description, Version, API string
	From                                   string // when it comes into effect, if it has not
	Draft, Pack                            bool
	Levels                                 []string
	Checks                                 []criterion
}

// criterion is one check of a rubric, for those who have to meet it.
type criterion struct {
	Name, Title, Why, Fix, Severity, Level, Kind string
	Weight, Asks, Bad, Wants                     string
}

// Rubrics renders the page of all rubrics.
func (r *Renderer) Rubrics(m Moment) ([]byte, error) {
	p := rubrics{frame: r.frame("Rubrics", "rubrics", m)}
	for _, one := range m.Snapshot.Rubrics {
		v := rubricView{
			Name: one.Name, Title: cmp.Or(one.Title, one.Name), Description: one.Description, Version: one.Version,
			API: r.site.Base + "/api/v1/rubrics/" + one.Name, Draft: one.Draft, Pack: one.Pack, Levels: one.Levels,
		}
		if !one.Draft && !one.InEffect(m.Snapshot.Tick) {
			v.From = clock(one.EffectiveFrom)
		}
		for _, c := range one.Checks {
			v.Checks = append(v.Checks, criterionOf(c))
		}
		p.Rubrics = append(p.Rubrics, v)
	}
	return r.render("rubrics.html", p)
}

func criterionOf(c *rubric.Check) criterion {
	asked := wire.Question(c)
	return criterion{
		Name: c.Name, Title: cmp.Or(c.Title, c.Name), Why: c.Why, Fix: c.Fix,
		Severity: string(c.Severity), Level: c.Level, Kind: string(c.Kind),
		Weight: strconv.FormatFloat(c.Weight, 'g', -1, 64), Asks: asked.Query, Bad: asked.Bad, Wants: wants(c, asked),
	}
}

// wants says what passes the check.
func wants(c *rubric.Check, asked wire.Asked) string {
	text := ""
	switch {
	case asked.Threshold != nil:
		unit := ""
		if strings.HasSuffix(c.Histogram.Metric, "_seconds") {
			unit = "s"
		}
		text = "at most " + quantity(asked.Threshold, unit) + " counts as good"
	case c.Kind == rubric.KindCatalog:
		return "the condition holds"
	}
	if c.Objective > 0 {
		goal := percent(c.Objective) + " good over " + scorecard.FormatDuration(c.Period)
		if text == "" {
			return goal
		}
		return goal + "; " + text
	}
	if c.Pass == nil {
		return text
	}
	goal := "pass " + strings.NewReplacer("<=", "≤", ">=", "≥").Replace(string(c.Op)) + " " + quantity(c.Pass, asked.Unit)
	if c.Fail != nil {
		goal += ", fail at " + quantity(c.Fail, asked.Unit)
	}
	return goal
}
