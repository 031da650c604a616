package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// resultOf returns what examples may say of a result.
func resultOf(r *scorecard.Result) map[string]any {
	out := map[string]any{
		"verdict": r.Verdict, "reason": r.Reason, "credit": r.Credit, "value": r.Value, "low_traffic": r.LowTraffic,
		"points_lost": r.PointsLost,
	}
	if r.Budget != nil {
		out["remaining"], out["covered"] = r.Budget.Remaining, r.Budget.Covered
	}
	return out
}

func valueExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Pass  float64
		Fail  *float64
		Op    rubric.Op
		Value float64
	}{}
	read(t, in, &given)
	check := gauge("value", 5, given.Pass, given.Pass)
	check.Fail, check.Op = given.Fail, given.Op
	if given.Fail != nil {
		check = gauge("value", 5, given.Pass, *given.Fail)
	}
	return resultOf(&grade(rubricOf(check), known(given.Value)).Results[0])
}

func ratioExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Pass, Fail share
		Hour       pair
	}{}
	read(t, in, &given)
	check := ratio(float64(given.Pass), float64(given.Fail))
	return resultOf(&grade(rubricOf(check), counted(check, counts{0: given.Hour.Counts})).Results[0])
}

// objectiveTick are the windows of an objective at one tick; those that are not
// given have what is under "else".
type objectiveTick struct {
	After   span
	Windows map[span]pair
	Else    pair
	Covered share // of the period, the service being so young; 0 is all
}

func (o *objectiveTick) facts(check *rubric.Check, tick time.Time) scorecard.CheckFacts {
	c := counts{0: o.Else.Counts}
	for length, p := range o.Windows {
		c[time.Duration(length)] = p.Counts
	}
	f := at(counted(check, c), tick)
	if o.Covered > 0 {
		w := &f.Windows[len(f.Windows)-1]
		w.Expected = int(float64(o.Covered) * float64(w.Expected))
		w.Measured = w.Expected
	}
	return f
}

// objectiveExample grades one tick, and those under "then" with the state of the
// one before.
func objectiveExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Objective     share
		Period        span
		Then          []objectiveTick
		objectiveTick `yaml:",inline"`
	}{}
	read(t, in, &given)
	check := availability()
	check.Objective, check.Period = float64(given.Objective), time.Duration(given.Period)
	next := input(rubricOf(check))
	var card *scorecard.Scorecard
	for _, tick := range append([]objectiveTick{given.objectiveTick}, given.Then...) {
		for length := range tick.Windows {
			require.Contains(t, scorecard.WindowsOf(check), time.Duration(length))
		}
		next.Tick = next.Tick.Add(time.Duration(tick.After))
		next.Facts = []scorecard.CheckFacts{tick.facts(check, next.Tick)}
		card, next.Previous = scorecard.Grade(next)
	}
	return resultOf(&card.Results[0])
}

// verdictsExample grades a value at one evaluation after the other.
func verdictsExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Pass, Fail float64
		Severity   rubric.Severity
		Every      span
		Values     []float64
	}{}
	read(t, in, &given)
	check := gauge("value", 5, given.Pass, given.Fail)
	check.Severity = given.Severity
	next := input(rubricOf(check))
	var published, pending, credits, flapping []any
	for _, v := range given.Values {
		next.Facts = []scorecard.CheckFacts{at(known(v), next.Tick)}
		var card *scorecard.Scorecard
		card, next.Previous = scorecard.Grade(next)
		r := card.Results[0]
		published, credits, flapping = append(published, r.Verdict), append(credits, r.Credit), append(flapping, r.Flapping)
		if r.Pending == "" {
			r.Pending = "none"
		}
		pending = append(pending, r.Pending)
		next.Tick = next.Tick.Add(time.Duration(given.Every))
	}
	return map[string]any{"published": published, "pending": pending, "credits": credits, "flapping": flapping}
}

// versionsExample loads a check as it was and as it is changed.
func versionsExample(t *testing.T, in *yaml.Node) map[string]any {
	given := struct {
		Check, Change map[string]any
	}{}
	read(t, in, &given)
	before := loaded(t, given.Check)
	for field, value := range given.Change {
		given.Check[field] = value
	}
	after := loaded(t, given.Check)
	word := func(same bool) string {
		if same {
			return "same"
		}
		return "other"
	}
	a, b := before.Checks[0], after.Checks[0]
	return map[string]any{"version": word(before.Version == after.Version), "check": word(a.Hash == b.Hash), "sli": word(a.SLI == b.SLI)}
}

func loaded(t *testing.T, check map[string]any) *rubric.Rubric {
	t.Helper()
	check["name"] = "availability"
	data, err := yaml.Marshal(map[string]any{"rubrics": []any{map[string]any{"name": "http", "checks": []any{check}}}})
	require.NoError(t, err)
	env, identities := vocabulary(t)
	rubrics, problems := rubric.Load(env, identities, rubric.File{Name: "example.yml", Data: data})
	require.Empty(t, problems)
	return rubrics[0]
}
