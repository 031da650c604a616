package page

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// ServiceData is what the page of a service shows.
type ServiceData struct {
	Service *catalog.Service
	Cards   []*scorecard.Scorecard
	// History holds the last day by rubric; a rubric without an entry could
	// not be read, one with no points has none.
	History map[string][]scorecard.HistoryPoint
}

// service is the page of a service.
type service struct {
	frame
	ID, Name, Description string
	API                   string
	Facts                 []fact
	Tags                  []string
	Follow                []Link
	Relations             []relation
	Cards                 []card
}

type fact struct{ Name, Value string }

type relation struct{ Type, Target, Href string }

// card is one scorecard on the page of a service.
type card struct {
	Rubric, Title, Version string
	Class, Letter, Score   string
	Headline               string
	Notes                  []string
	Range                  *scoreRange
	Moves                  []move
	Spark                  *sparkline
	API, RubricHref        string
	Checks                 []check
}

// scoreRange is the span that the score can be in, of 100; there is none
// where every check is known.
type scoreRange struct {
	Low, Width, At    float64
	HasAt             bool
	LowText, HighText string
}

// move is how far a score has moved since an earlier time.
type move struct{ Since, Text, Class string }

// Service renders the page of a service.
func (r *Renderer) Service(m Moment, d ServiceData) ([]byte, error) {
	s := d.Service
	p := service{
		frame: r.frame(cmp.Or(s.Title, s.ID.Name), "", m),
		ID:    s.ID.String(), Name: cmp.Or(s.Title, s.ID.Name), Description: s.Description,
		API:  r.site.Base + "/api/v1/services/" + s.ID.String(),
		Tags: s.Tags, Follow: webLinks(s.Links), Relations: r.relations(m.Snapshot, s),
	}
	tier := ""
	if s.Tier != 0 {
		tier = strconv.Itoa(s.Tier)
	}
	for _, f := range []fact{
		{"owner", s.Owner},
		{"system", s.System},
		{"domain", s.Domain},
		{"tier", tier},
		{"lifecycle", s.Lifecycle},
		{"type", s.Type},
	} {
		if f.Value != "" {
			p.Facts = append(p.Facts, f)
		}
	}
	rubrics := rubricsByName(m.Snapshot)
	for _, c := range inOrder(d.Cards) {
		points, read := d.History[c.Rubric]
		v := r.card(c, rubrics[c.Rubric], points, read)
		if c.Rubric == scorecard.Overall {
			v.Notes = append([]string{partsOf(m.Snapshot.Rubrics, d.Cards)}, v.Notes...)
		}
		p.Cards = append(p.Cards, v)
	}
	return r.render("service.html", p)
}

// inOrder puts the overall scorecard first, if it sums up anything.
func inOrder(cards []*scorecard.Scorecard) []*scorecard.Scorecard {
	cards = scorecard.WithoutEchoes(cards)
	slices.SortStableFunc(cards, func(a, b *scorecard.Scorecard) int { return rank(a) - rank(b) })
	return cards
}

// partsOf says what the overall scorecard is the mean of: "http 90.0 · 2 × jobs
// 60.0".
func partsOf(rubrics []*rubric.Rubric, cards []*scorecard.Scorecard) string {
	var parts []string
	for _, c := range cards {
		at := slices.IndexFunc(rubrics, func(r *rubric.Rubric) bool { return r != nil && r.Name == c.Rubric })
		if at < 0 || c.Draft || rubrics[at].Weight == 0 || c.Status == scorecard.NotScored {
			continue
		}
		score, held, known := c.StandsAt(c.DataTime)
		text := c.Rubric + " unknown"
		switch {
		case held:
			text += ", last " + scoreText(&score)
		case known:
			text = c.Rubric + " " + scoreText(&score)
		}
		if w := rubrics[at].Weight; w != 1 {
			text = strconv.FormatFloat(w, 'g', -1, 64) + " × " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}

func rank(c *scorecard.Scorecard) int {
	if c.Rubric == scorecard.Overall {
		return 0
	}
	return 1
}

func (r *Renderer) card(c *scorecard.Scorecard, of *rubric.Rubric, points []scorecard.HistoryPoint, read bool) card {
	if of == nil {
		of = &rubric.Rubric{}
	}
	v := card{
		Rubric: c.Rubric, Title: cmp.Or(of.Title, c.Rubric), Version: c.RubricVersion,
		Score: scoreText(c.Score), Headline: headline(c, len(of.Levels) > 0), Notes: notes(c), Range: rangeOf(c), Moves: moves(c.Delta),
		API:        r.site.Base + "/api/v1/scorecards/" + c.Rubric + "/" + c.Service.ID.String(),
		RubricHref: r.site.Base + "/rubrics#" + c.Rubric,
	}
	if c.Rubric == scorecard.Overall {
		v.Title, v.RubricHref = "All rubrics", ""
	}
	v.Class, v.Letter = mark(c)
	if read {
		v.Spark = sparklineOf(points)
	}
	for i := range c.Results {
		v.Checks = append(v.Checks, checkOf(&c.Results[i]))
	}
	return v
}

// headline says in one line what the scorecard of a rubric, with or without
// levels, comes to.
func headline(c *scorecard.Scorecard, levels bool) string {
	var parts []string
	switch {
	case c.Pass == nil:
		parts = append(parts, "neither passes nor fails")
	case *c.Pass:
		parts = append(parts, "passes")
	default:
		parts = append(parts, "fails")
	}
	switch {
	case c.Level != "":
		parts = append(parts, "level "+c.Level)
	case c.LevelRank != nil && levels:
		parts = append(parts, "no level yet")
	}
	parts = append(parts, percent(c.Coverage)+" of its data seen")
	return strings.Join(parts, " · ")
}

// notes says what a reader must know to read the score right.
func notes(c *scorecard.Scorecard) []string {
	var list []string
	if c.Draft {
		list = append(list, "A draft, or not in effect yet: it counts nowhere.")
	}
	if c.Status == scorecard.Unknown {
		text := "Too little data has been seen to give a score."
		if c.LastScore != nil {
			text += " The last one was " + scoreText(c.LastScore) + " at " + clock(c.LastScoredAt) + "."
		}
		list = append(list, text)
	}
	if c.Status == scorecard.NotScored {
		list = append(list, "No check with a weight applies to this service.")
	}
	if c.CappedBy != "" && c.RawScore != nil {
		why := "a critical check that fails"
		if c.Rubric == scorecard.Overall {
			why = "of which a critical check fails"
		}
		list = append(list, "Capped by "+c.CappedBy+", "+why+"; without the cap it would be "+scoreText(c.RawScore)+".")
	}
	if c.ScoreWithoutWaivers != nil && c.Score != nil && scoreText(c.ScoreWithoutWaivers) != scoreText(c.Score) {
		list = append(list, "Without waivers it would be "+scoreText(c.ScoreWithoutWaivers)+".")
	}
	if c.Stateless {
		list = append(list, "Graded from an empty state.")
	}
	return list
}

func rangeOf(c *scorecard.Scorecard) *scoreRange {
	if c.ScoreLow == nil || c.ScoreHigh == nil || scoreText(c.ScoreLow) == scoreText(c.ScoreHigh) {
		return nil
	}
	low, high := onScale(*c.ScoreLow), onScale(*c.ScoreHigh)
	v := &scoreRange{Low: low, Width: max(high-low, 0.8), LowText: scoreText(c.ScoreLow), HighText: scoreText(c.ScoreHigh)}
	if c.Score != nil {
		v.At, v.HasAt = onScale(*c.Score), true
	}
	return v
}

func moves(d scorecard.Delta) []move {
	var list []move
	for _, m := range []struct {
		since string
		by    *float64
	}{{"1h", d.Hour}, {"24h", d.Day}, {"7d", d.Week}} {
		if m.by == nil {
			continue
		}
		text, class := scorecard.RoundPoints(*m.by), "down"
		switch {
		case text == "0.0":
			text, class = "±0", "flat"
		case *m.by > 0:
			text, class = "+"+text, "up"
		default:
			text = "−" + strings.TrimPrefix(text, "-")
		}
		list = append(list, move{Since: m.since, Text: text, Class: class})
	}
	return list
}

// webLinks returns the links of a catalog entity that a browser may follow, by
// name.
func webLinks(links map[string]string) []Link {
	var list []Link
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if webLink(links[name]) {
			list = append(list, Link{Title: name, URL: links[name]})
		}
	}
	return list
}

// relations links those relations of s whose target is a service.
func (r *Renderer) relations(snap *scorecard.Snapshot, s *catalog.Service) []relation {
	var list []relation
	for _, rel := range s.Relations {
		v := relation{Type: rel.Type, Target: rel.Target}
		kind, ref, found := strings.Cut(rel.Target, ":")
		if !found {
			kind, ref = "component", rel.Target
		}
		if namespace, name, ok := strings.Cut(ref, "/"); ok && kind == "component" && snap.Catalog != nil {
			if target, ok := snap.Catalog.Service(catalog.ID{Namespace: namespace, Name: name}); ok {
				v.Target, v.Href = shortName(target.ID), r.serviceHref(target.ID)
			}
		}
		list = append(list, v)
	}
	return list
}

func rubricsByName(snap *scorecard.Snapshot) map[string]*rubric.Rubric {
	all := make(map[string]*rubric.Rubric, len(snap.Rubrics))
	for _, r := range snap.Rubrics {
		all[r.Name] = r
	}
	return all
}
