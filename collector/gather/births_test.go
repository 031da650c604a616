package gather

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
	"github.com/apgarhq/apgar/slo"
)

// firstError has an error at 15000s, the end of a slot, after 250 minutes
// without any. up and the series agree on job and instance.
const firstError = `load 1m
  up{SERVICE job="j", instance="1"} 1x300
  req_total{service="a", code="200", job="j", instance="1"} 0+60x300
  req_total{service="a", code="500", job="j", instance="1"} _x249 1x50
`

const bornAt = 15000

var bornSpan = question.Span{Start: bornAt - 1200, Step: 300, N: 9, Final: bornAt + 1200}

// bornIn asks about slots and returns what was born in each, by its end.
func bornIn(t *testing.T, a *asker, s question.Span) (born map[int64]float64, columns []slo.Column) {
	t.Helper()
	born = map[int64]float64{}
	for _, b := range a.ask(t.Context(), s, nil) {
		c := b.Columns[0]
		columns = append(columns, c)
		require.Nil(t, c.Fault)
		for _, row := range c.Rows {
			require.Nil(t, row.Fault)
			if row.Born != 0 {
				born[b.Time.Unix()] += row.Born
			}
		}
	}
	return born, columns
}

func bornAsker(t *testing.T, f spec, load string, change ...func(*Source)) *asker {
	t.Helper()
	if f.Rubrics == "" {
		f.Rubrics = fixture.OneCheck(fixture.EventsCheck)
	}
	if f.Services == nil {
		f.Services = fixture.Named("a", "b")
	}
	o := Source{Name: "eu", Client: fixture.Client(t, promservertest.Load(t, load))}
	for _, c := range change {
		c(&o)
	}
	return newAsker(o, f.plan(t))
}

func withService(load string) string { return strings.ReplaceAll(load, "SERVICE", `service="a",`) }

func TestBirthsStandBesideTheCountsOfTheirSlot(t *testing.T) {
	for name, f := range map[string]spec{"all services": {}, "one service": {Only: []string{"a"}}} {
		t.Run(name, func(t *testing.T) {
			a := bornAsker(t, f, withService(firstError))
			born, columns := bornIn(t, a, bornSpan)
			require.Equal(t, map[int64]float64{bornAt: 1}, born)
			require.InDelta(t, 0, columns[4].Rows[0].Counts.Bad, 0)
			require.InDelta(t, 300, columns[4].Rows[0].Counts.Total, 1e-9)
			born, _ = bornIn(t, a, question.Span{Start: bornAt - 1200, Step: 300, N: 9, Final: bornAt - 300})
			require.Empty(t, born, "the slot is not final")
			born, _ = bornIn(t, a, question.Span{Start: bornAt - 540, Step: 60, N: 20, Final: bornAt + 1200})
			require.Equal(t, map[int64]float64{bornAt: 1}, born, "ticks, of which every fifth ends a slot")
			born, _ = bornIn(t, a, question.Instant(bornAt))
			require.Empty(t, born, "an instant is no final slot")
		})
	}
}

func TestBirthsAreCountedForTargetsThatAreNamedOtherwiseThanTheirSeries(t *testing.T) {
	load := strings.ReplaceAll(firstError, "SERVICE", "")
	a := bornAsker(t, spec{}, load)
	born, _ := bornIn(t, a, bornSpan)
	require.Empty(t, born, "no target is known to be that of the service")
	a = bornAsker(t, spec{
		Rubrics:    fixture.OneCheck(fixture.EventsCheck + ", identity: routed"),
		Identities: map[string]map[string]string{"routed": {"service": "service.name"}},
		Presence:   map[string]string{"routed": `sum by ($identity) (req_total{code="200"} >= bool 0)`},
	}, load)
	born, _ = bornIn(t, a, bornSpan)
	require.Equal(t, map[int64]float64{bornAt: 1}, born)
}

func TestEachCellHasItsOwnFirstHour(t *testing.T) {
	a := bornAsker(t, spec{}, `load 1m
  up{service="a", job="j", instance="1", cluster="old"} 1x300
  req_total{service="a", code="500", job="j", instance="1", cluster="old"} _x250 1x50
  up{service="a", job="j", instance="1", cluster="young"} _x209 1x90
  req_total{service="a", code="500", job="j", instance="1", cluster="young"} _x250 4x50
`, func(o *Source) { o.Partition = "cluster" })
	born, columns := bornIn(t, a, bornSpan)
	require.Equal(t, map[int64]float64{bornAt: 1}, born)
	require.Equal(t, []slo.Row{{Born: 1, OnlyBorn: true}}, columns[4].Rows, "a lone error is a row")
}

func TestWhatCannotHaveBeenBornIsDroppedAndCounted(t *testing.T) {
	dropped := map[string]int{}
	g := New(spec{Rubrics: fixture.OneCheck(fixture.EventsCheck), Services: fixture.Named("a")}.plan(t),
		[]Source{{Name: "eu", Client: fixture.Client(t, promservertest.Load(t, strings.ReplaceAll(withService(firstError), "_x249 1x50", "_x249 1001x50")))}},
		Heard{BirthsDropped: func(source string, n int) { dropped[source] += n }})
	blocks := g.Range(t.Context(), bornSpan, nil)
	require.InDelta(t, 0, blocks[4][0].Columns[0].Rows[0].Born, 0)
	require.Equal(t, map[string]int{"eu": 1}, dropped)
}

func TestTheLargestBirths(t *testing.T) {
	require.True(t, believable(1000, 0))
	require.False(t, believable(1000.1, 0))
	require.False(t, believable(1000.1, 100))
	require.True(t, believable(1000.1, 100.1))
	require.True(t, believable(5000, 500))
	require.False(t, believable(5001, 500))
}

// noBirths fails every question about births.
type noBirths struct{ Prometheus }

var errNoBirths = errors.New("out of memory")

func (p noBirths) QueryRange(ctx context.Context, q promapi.RangeQuery, sink promapi.Sink) (promapi.Report, error) {
	if strings.Contains(q.Expr, "min_over_time(") {
		return promapi.Report{}, errNoBirths
	}
	return p.Prometheus.QueryRange(ctx, q, sink)
}

func TestCountsStandWithoutBirths(t *testing.T) {
	a := bornAsker(t, spec{}, withService(firstError), func(o *Source) { o.Client = noBirths{o.Client} })
	born, columns := bornIn(t, a, bornSpan)
	require.Empty(t, born)
	for _, c := range columns {
		require.Len(t, c.Rows, 1)
		require.ErrorContains(t, errors.New(c.BirthFault.Detail), "out of memory")
	}
	_, columns = bornIn(t, a, question.Span{Start: bornAt, Step: 300, N: 3, Final: bornAt - 300})
	require.Nil(t, columns[0].BirthFault, "nothing was asked")
}
