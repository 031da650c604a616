package scorecard_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func vocabulary(t *testing.T) (*catalog.Env, map[string]*rubric.Identity) {
	t.Helper()
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	identities, err := rubric.BuiltinIdentities(env)
	require.NoError(t, err)
	return env, identities
}

// credit is what a check earns at a tick; −1: it cannot be seen.
type credit float64

func (c *credit) UnmarshalText(text []byte) error {
	if string(text) == "unknown" {
		*c = -1
		return nil
	}
	v, err := strconv.ParseFloat(string(text), 64)
	*c = credit(v)
	return err
}

// exampleCheck is a check of a worked scorecard. Credits are those of ticks
// that lie further apart than the grace.
type exampleCheck struct {
	Severity rubric.Severity
	Weight   *float64
	Level    string
	Credit   *credit
	Credits  []credit
	Waived   bool
	// BudgetSpent makes a fail one of a spent budget.
	BudgetSpent bool `yaml:"budget_spent"`
}

func (e *exampleCheck) ticks() []credit {
	if e.Credit != nil {
		return []credit{*e.Credit}
	}
	return e.Credits
}

// check returns a check that earns the credits that it is given.
func (e *exampleCheck) check(name string, levels []string) *rubric.Check {
	c := gauge(name, 0, 0, 1)
	if e.BudgetSpent {
		c = availability()
		c.Name, c.Hash = name, name
	}
	c.Severity = e.Severity
	if c.Severity == "" {
		c.Severity = rubric.Medium
	}
	c.Weight = rubric.DefaultWeight(c.Severity)
	if e.Weight != nil {
		c.Weight = *e.Weight
	}
	for i, level := range levels {
		if level == e.Level {
			c.LevelRank, c.Level = i+1, level
		}
	}
	return c
}

func (e *exampleCheck) facts(c *rubric.Check, i int, tick time.Time) scorecard.CheckFacts {
	switch credit := e.ticks()[i]; {
	case credit < 0:
		return at(dark(), tick)
	case e.BudgetSpent:
		return at(counted(c, counts{0: burning(1.5, many)}), tick)
	default:
		return at(known(1-float64(credit)), tick)
	}
}

// sheet is a worked scorecard.
type sheet struct {
	CoverageFloor *float64 `yaml:"coverage_floor"`
	Levels        []string
	PassLevel     string `yaml:"pass_level"`
	Strict        bool
	Weight        *float64 // over all rubrics
	Apart         span
	Checks        map[string]*exampleCheck
}

// grade grades every tick of a sheet and returns the last scorecard.
func (s *sheet) grade(t *testing.T, name string) (*scorecard.Scorecard, *rubric.Rubric) {
	t.Helper()
	r := rubricOf()
	r.Name, r.Levels, r.Strict, r.PassLevel = name, s.Levels, s.Strict, s.PassLevel
	if s.CoverageFloor != nil {
		r.CoverageFloor = *s.CoverageFloor
	}
	if s.Weight != nil {
		r.Weight = *s.Weight
	}
	in := input(r)
	in.Waivers = map[string]string{}
	ticks := 0
	for _, name := range sortedNames(s.Checks) {
		e := s.Checks[name]
		r.Checks = append(r.Checks, e.check(name, s.Levels))
		if e.Waived {
			in.Waivers[name] = "w"
		}
		require.True(t, ticks == 0 || ticks == len(e.ticks()), "all checks need as many credits")
		ticks = len(e.ticks())
	}
	apart := time.Duration(s.Apart)
	if apart == 0 {
		apart = time.Hour
	}
	var card *scorecard.Scorecard
	for i := range ticks {
		in.Tick, in.Facts = noon.Add(time.Duration(i-ticks+1)*apart), nil // the last one at noon
		for _, c := range r.Checks {
			in.Facts = append(in.Facts, s.Checks[c.Name].facts(c, i, in.Tick))
		}
		card, in.Previous = scorecard.Grade(in)
	}
	return card, r
}

// cardOfExample returns what examples may say of a scorecard.
func cardOfExample(c *scorecard.Scorecard) map[string]any {
	out := map[string]any{
		"status": c.Status, "score": points(c.Score), "raw_score": points(c.RawScore), "last_score": points(c.LastScore),
		"score_low": points(c.ScoreLow), "score_high": points(c.ScoreHigh), "score_without_waivers": points(c.ScoreWithoutWaivers),
		"coverage": c.Coverage, "grade": c.Grade, "pass": c.Pass, "capped_by": c.CappedBy, "cap_points": c.CapPoints,
		"level": c.Level, "level_rank": nil,
	}
	for _, field := range []string{"level", "capped_by", "grade"} {
		if out[field] == "" {
			out[field] = "null"
		}
	}
	if c.LevelRank != nil {
		out["level_rank"] = *c.LevelRank
	}
	var steps []any
	lost := map[string]any{}
	for _, s := range c.NextSteps {
		steps = append(steps, map[string]any{"check": s.Check, "points": s.Points})
	}
	for i := range c.Results {
		lost[c.Results[i].Check] = c.Results[i].PointsLost
	}
	out["next_steps"], out["points_lost"] = steps, lost
	return out
}

func scorecardExample(t *testing.T, in *yaml.Node) map[string]any {
	var given sheet
	read(t, in, &given)
	card, _ := given.grade(t, "http")
	return cardOfExample(card)
}

func roundExample(t *testing.T, in *yaml.Node) map[string]any {
	var given []float64
	read(t, in, &given)
	var out []any
	for _, score := range given {
		out = append(out, scorecard.RoundScore(score))
	}
	return map[string]any{"printed": out}
}

func overallExample(t *testing.T, in *yaml.Node) map[string]any {
	var given map[string]*sheet
	read(t, in, &given)
	var all scorecard.OverallInput
	for _, name := range sortedNames(given) {
		card, r := given[name].grade(t, name)
		all.Cards, all.Rubrics = append(all.Cards, card), append(all.Rubrics, r)
	}
	card, _ := scorecard.GradeOverall(all)
	return cardOfExample(card)
}

func rollupExample(t *testing.T, in *yaml.Node) map[string]any {
	var given map[string]*struct {
		Tier  int
		Sheet sheet `yaml:",inline"`
	}
	read(t, in, &given)
	var cards []*scorecard.Scorecard
	for _, name := range sortedNames(given) {
		card, _ := given[name].Sheet.grade(t, "http")
		own := *card.Service
		own.ID.Name, own.Tier = name, given[name].Tier
		card.Service = &own
		cards = append(cards, card)
	}
	r := roll(scorecard.ByOwner, cards...)
	require.Len(t, r, 1)
	return map[string]any{
		"score": points(r[0].Score), "points": r[0].Points, "known": r[0].Known, "weight": r[0].Weight,
		"unknown": r[0].Unknown, "held": r[0].Held,
	}
}
