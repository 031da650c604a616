package scorecard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

func TestOnceJudgedACheckIsExpectedForAWeek(t *testing.T) {
	for _, test := range []struct {
		name      string
		onMissing rubric.OnMissing
		every     time.Duration
		steps     string
		want      string
	}{
		{"never judged, a missing metric fails at once", rubric.MissingFail, time.Hour, "M", "F"},
		{"once judged it is carried", rubric.MissingFail, time.Minute, "PM", "Pp"},
		{"then unknown, whatever on_missing says", rubric.MissingFail, day, "PMMM", "P???"},
		{"until it is absent for seven days", rubric.MissingFail, day, "PMMMMMMMM", "P???????F"},
		{"not a minute sooner", rubric.MissingFail, 7*day - time.Minute, "PMM", "P??"},
		{"then it may not be applicable", rubric.MissingNotApplicable, 7 * day, "PMM", "P?N"},
		{"or pass", rubric.MissingPass, 7 * day, "PMM", "P?P"},
		{"a row begins the week anew", rubric.MissingFail, 4 * day, "PMPMMM", "P?P??F"},
		{"days without targets are no evidence", rubric.MissingFail, 7 * day, "P??M", "P???"},
		{"absence is counted from its first sight", rubric.MissingFail, 4 * day, "PM?M", "P??F"},
		{"a fail by on_missing does not make it sticky", rubric.MissingFail, day, "MM", "FF"},
		{"nor do targets that are down", rubric.MissingFail, day, "DDM", "?FF"},
		{"not applicable stands while the source is silent", rubric.MissingNotApplicable, day, "M?DD", "NNNN"},
		{"until a row is seen", rubric.MissingNotApplicable, day, "M?PM", "NNP?"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := gauge("fds", 5, 0.7, 0.95)
			check.OnMissing = test.onMissing
			assert.Equal(t, test.want, letters(play(t, rubricOf(check), test.every, test.steps)))
		})
	}
}

func TestAChangeOfCatalogOrRubricEndsStickiness(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	check.OnMissing = rubric.MissingFail
	for _, test := range []struct {
		name   string
		change func(in *scorecard.Input)
		want   string
	}{
		{"nothing has changed", func(*scorecard.Input) {}, "?"},
		{"the catalog says something else of the service", func(in *scorecard.Input) { in.ServiceVersion = "2" }, "F"},
		{"the rubric means something else", func(in *scorecard.Input) { in.Rubric = withVersion(in.Rubric, "v2") }, "F"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := input(rubricOf(check), step(t, 'P'))
			in.ServiceVersion = "1"
			_, in.Previous = scorecard.Grade(in)
			in.Tick = noon.Add(day)
			in.Facts = []scorecard.CheckFacts{at(step(t, 'M'), in.Tick)}
			test.change(&in)
			card, _ := scorecard.Grade(in)
			assert.Equal(t, test.want, letters([]*scorecard.Scorecard{card}))
		})
	}
}

func withVersion(r *rubric.Rubric, version string) *rubric.Rubric {
	changed := *r
	changed.Version = version
	return &changed
}

func TestWhereTheMetricWasNeverSeenTheMessageSaysSo(t *testing.T) {
	check := gauge("fds", 5, 0.7, 0.95)
	check.OnMissing = rubric.MissingNotApplicable
	cards := play(t, rubricOf(check), day, "MD")
	assert.Equal(t, "no target that was up has ever had the metric, so the check does not apply", cards[1].Results[0].Message)
}
