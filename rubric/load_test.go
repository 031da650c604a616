package rubric

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

// load loads one file that must be sound.
func load(t testing.TB, text string) []*Rubric {
	t.Helper()
	env, identities := environment(t)
	rubrics, problems := Load(env, identities, File{Name: "test.yml", Data: []byte(text)})
	require.Empty(t, problems)
	return rubrics
}

func TestEveryFieldOfARubricIsRead(t *testing.T) {
	r := load(t, `
rubrics:
  - name: everything
    title: Everything
    description: All of it.
    applies_to: '"http" in service.tags'
    identity: [service, job]
    levels: [bronze, silver]
    strict: true
    pass_level: silver
    coverage_floor: 50%
    weight: 2
    effective_from: 2026-11-23
    draft: true
    checks:
      - name: ratio
        title: A ratio
        why: Because.
        fix: Mend it.
        severity: critical
        weight: 3.5
        level: silver
        identity: job
        applies_to: service.tier == 1
        on_missing: fail
        events: {total: {metric: requests_total, where: '{a="b"}'}, bad: {metric: errors_total}, recorded: increase5m}
        pass: 99%
        fail: 0.95
        window: 2h
        interval: 150s
      - {name: one, events: {metric: x_total, bad: '{code=~"5.."}'}, pass: 0.9}
`)[0]
	require.Equal(t, "Everything", r.Title)
	require.Equal(t, "All of it.", r.Description)
	require.Equal(t, `"http" in service.tags`, r.AppliesTo.Source())
	require.Equal(t, []string{"bronze", "silver"}, r.Levels)
	require.True(t, r.Strict)
	require.True(t, r.Draft)
	require.False(t, r.Pack)
	require.Equal(t, "silver", r.PassLevel)
	require.Equal(t, 0.5, r.CoverageFloor)
	require.Equal(t, 2.0, r.Weight)
	require.Equal(t, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), r.EffectiveFrom)
	require.Equal(t, catalog.Position{File: "test.yml", Line: 3}, r.Position)

	c := r.Checks[0]
	require.Equal(t, KindEvents, c.Kind)
	require.Equal(t, Critical, c.Severity)
	require.Equal(t, 3.5, c.Weight)
	require.Equal(t, 2, c.LevelRank)
	require.Equal(t, MissingFail, c.OnMissing)
	require.Equal(t, "job", c.Identities[0].Name)
	require.Len(t, c.Identities, 1)
	require.Equal(t, "requests_total", c.Events.Total.Metric)
	require.Equal(t, `a="b"`, c.Events.Total.Where[0].String())
	require.Equal(t, "errors_total", c.Events.BadOf.Metric)
	require.Equal(t, Recorded5m, c.Events.Recorded)
	require.Equal(t, 0.99, *c.Pass)
	require.Equal(t, 0.95, *c.Fail)
	require.Equal(t, AtLeast, c.Op)
	require.Equal(t, 2*time.Hour, c.Window)
	require.Equal(t, 150*time.Second, c.Interval)

	c = r.Checks[1]
	require.Equal(t, []string{"service", "job"}, []string{c.Identities[0].Name, c.Identities[1].Name})
	require.Equal(t, Medium, c.Severity)
	require.Equal(t, 5.0, c.Weight)
	require.Equal(t, time.Hour, c.Window)
	require.Equal(t, AtLeast, c.Op)
	require.Equal(t, MissingUnknown, c.OnMissing)
	require.Equal(t, "one", c.Title)
}

func TestWhatIsLeftOutHasADefault(t *testing.T) {
	r := load(t, `rubrics: [{name: a, checks: [
    {name: objective, histogram: {metric: d_seconds, threshold: 1.5}, objective: 99.9%},
    {name: less, value: {query: 'max by ($identity) (a)'}, pass: 0.7, fail: 0.95},
    {name: more, value: {query: 'max by ($identity) (a)'}, pass: 5, fail: 1},
    {name: owner, severity: low, catalog: 'service.owner != ""'}]}]`)[0]
	require.Equal(t, 0.8, r.CoverageFloor)
	require.Equal(t, 1.0, r.Weight)
	require.Equal(t, "a", r.Title)

	objective := r.Checks[0]
	require.Equal(t, 0.999, objective.Objective)
	require.Equal(t, 30*24*time.Hour, objective.Period)
	require.Zero(t, objective.Window)
	require.Equal(t, 1.5, objective.Histogram.Threshold)
	require.Equal(t, "service", objective.Identities[0].Name)

	require.Equal(t, AtMost, r.Checks[1].Op)
	require.Equal(t, Worst, r.Checks[1].Value.Across)
	require.Equal(t, 5*time.Minute, r.Checks[1].Window)
	require.Equal(t, AtLeast, r.Checks[2].Op)

	owner := r.Checks[3]
	require.Empty(t, owner.Identities)
	require.Empty(t, owner.SLI)
	require.NotEmpty(t, owner.Hash)
	require.Empty(t, owner.OnMissing)
	require.Equal(t, 2.5, owner.Weight)
}

func TestEveryPackIsSoundAndExplainsItself(t *testing.T) {
	env, identities := environment(t)
	require.Contains(t, Packs(), "http")
	for _, name := range Packs() {
		f, ok := PackFile(name)
		require.True(t, ok)
		rubrics, problems := Load(env, identities, f)
		require.Empty(t, problems)
		require.Len(t, rubrics, 1, "a pack is one rubric")
		require.Equal(t, name, rubrics[0].Name, "a pack is named as its file")
		require.True(t, rubrics[0].Pack)
		for _, c := range rubrics[0].Checks {
			require.NotEqual(t, c.Name, c.Title, "check %s of pack %s has no title", c.Name, name)
			require.NotEmpty(t, c.Why, "check %s of pack %s does not say why", c.Name, name)
			require.NotEmpty(t, c.Fix, "check %s of pack %s does not say how to mend it", c.Name, name)
		}
	}
	_, ok := PackFile("../rubric.go")
	require.False(t, ok)
}

func TestTheHTTPPackMeasuresTheGoldenSignals(t *testing.T) {
	env, identities := environment(t)
	f, _ := PackFile("http")
	rubrics, _ := Load(env, identities, f)
	checks := map[string]*Check{}
	for _, c := range rubrics[0].Checks {
		checks[c.Name] = c
	}
	require.Equal(t, 0.999, checks["availability"].Objective)
	require.Equal(t, Critical, checks["availability"].Severity)
	require.Equal(t, `code=~"5.."`, checks["availability"].Events.Bad[0].String())
	require.Equal(t, 0.5, checks["latency"].Histogram.Threshold)
	require.Equal(t, 0.95, *checks["saturation"].Fail)
	require.Zero(t, checks["traffic"].Weight)
	require.Equal(t, KindCatalog, checks["runbook"].Kind)
}

func TestARubricOfTwoFilesIsReportedWithBothPlaces(t *testing.T) {
	env, identities := environment(t)
	text := []byte("rubrics: [{name: a, checks: [{name: b, catalog: 'true'}]}]")
	rubrics, problems := Load(env, identities, File{Name: "one.yml", Data: text}, File{Name: "two.yml", Data: text})
	require.Len(t, rubrics, 1)
	require.Len(t, problems, 1)
	require.Equal(t, `two.yml:1: rubric "a" is already defined at one.yml:1: rename or remove one of them`, problems[0].Error())
}

func TestPercentagesAreTheNearestNumber(t *testing.T) {
	for text, want := range map[string]float64{"99.9%": 0.999, "99.99 %": 0.9999, "0.1%": 0.001, "0.95": 0.95, "1e-3": 0.001, "-5": -5} {
		got, err := parseNumber(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "%", "nan", "Inf", "0x10", "1_000", "1e400", "1e2%", "one", "9 9"} {
		_, err := parseNumber(text)
		require.Error(t, err, text)
	}
}
