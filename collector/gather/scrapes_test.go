package gather

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// scrapedEvery is a target that is scraped so often, in seconds, from one time
// to another, with a counter that grows by one a second.
func scrapedEvery(service, more string, every, from, to int) string {
	missing, n := from/every, (to-from)/every
	values := fmt.Sprintf("_x%d ", missing)
	if missing == 0 {
		values = ""
	}
	return fmt.Sprintf("load %ds\n  up{service=%q%s} %s1x%d\n  req_total{service=%q,code=\"200\"%s} %s0+%dx%d\n\n", every,
		service, more, values, n, service, more, values, every, n)
}

// judged is an hour that ends at a full one.
const judged = 4 * 3600

func slowAsker(t *testing.T, f spec, load string, change ...func(*Source)) *asker {
	t.Helper()
	f.Services = fixture.Named("fast", "slow")
	return bornAsker(t, f, load, change...)
}

func TestCountsOfTooFewScrapesAreRefused(t *testing.T) {
	const refused = " source_error: its targets in eu are scraped %s, and a slot of 5m needs a scrape every 75s at least: scrape more often, or check a value over a longer range instead"
	fast := scrapedEvery("fast", "", 15, 0, 18000)
	tests := map[string]struct {
		load string
		want string // of the service slow
	}{
		"every minute":                               {scrapedEvery("slow", "", 60, 0, 18000), " 0/300"},
		"every 75s":                                  {scrapedEvery("slow", "", 75, 0, 18000), " 0/300"},
		"every 90s":                                  {scrapedEvery("slow", "", 90, 0, 18000), fmt.Sprintf(refused, "10 times in 15m (every 90s)")},
		"every two minutes":                          {scrapedEvery("slow", "", 120, 0, 18000), fmt.Sprintf(refused, "8 times in 15m (every 113s)")},
		"too seldom for any count":                   {scrapedEvery("slow", "", 295, 0, 18000), fmt.Sprintf(refused, "3 times in 15m (every 300s)")},
		"one of its targets often enough":            {scrapedEvery("slow", `,instance="a"`, 120, 0, 18000) + scrapedEvery("slow", `,instance="b"`, 30, 0, 18000), " 0/600"},
		"began twenty minutes ago":                   {scrapedEvery("slow", "", 60, judged-1200, 18000), " 0/300"},
		"began two minutes ago":                      {scrapedEvery("slow", "", 60, judged-120, 18000), " 0/120"},
		"slow, began half an hour ago":               {scrapedEvery("slow", "", 120, judged-31*60, 18000), fmt.Sprintf(refused, "8 times in 15m (every 113s)")},
		"every minute, and nothing for 12 minutes":   {strings.ReplaceAll(scrapedEvery("slow", "", 60, 0, 18000), " 1x300", " 1x200 _x12 1x88"), " 0/300"},
		"every minute, and nothing for half an hour": {strings.ReplaceAll(scrapedEvery("slow", "", 60, 0, 18000), " 1x300", " 1x190 _x30 1x80"), " 0/300"},
		"what came and went is not measured":         {strings.ReplaceAll(scrapedEvery("slow", "", 60, 0, 18000), " 1x300", " _x224 1x4 stale _x80"), " 0/300"},
		"what is pushed has no scrapes":              {strings.ReplaceAll(scrapedEvery("slow", "", 120, 0, 18000), " up{", " down{"), " 0/300"},
		"a target that is down is scraped as well":   {strings.ReplaceAll(scrapedEvery("slow", "", 60, 0, 18000), " 1x300", " 0x300"), " 0/300"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := slowAsker(t, spec{}, fast+tt.load)
			b := a.ask(t.Context(), question.Instant(judged), nil)[0]
			got := textOf(a.plan, b)
			require.Equal(t, "fast@eu 0/300", got[0])
			require.Equal(t, "slow@eu"+tt.want, got[1])
			past := a.ask(t.Context(), question.Span{Start: judged - 300, Step: 300, N: 3}, nil)[1]
			require.Equal(t, got, textOf(a.plan, past), "afterwards as at the tick")
			if !strings.Contains(tt.want, "source_error") {
				require.Zero(t, b.Slow)
				return
			}
			require.Equal(t, []int{1, 2}, []int{b.Slow.Services, b.Slow.Of})
			require.Contains(t, b.Slow.Detail, "1 of 2 services are scraped more seldom than every 75s and are not counted, among them default/slow, whose targets in eu are scraped ")
			require.False(t, b.Slow.All())
		})
	}
}

func TestValuesAndRecordedIncreasesAreNotRefused(t *testing.T) {
	load := scrapedEvery("slow", "", 120, 0, 18000) + "load 300s\n  req:increase5m{service=\"slow\",code=\"500\"} 3x60\n  open_fds{service=\"slow\"} 7x60\n"
	for check, want := range map[string]string{
		`events: {metric: "req:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%`: "slow@eu 3/3",
		`value: {query: 'max by ($identity) (open_fds)'}, pass: 9, op: "<="`:                            "slow@eu 7",
	} {
		a := slowAsker(t, spec{Rubrics: fixture.OneCheck(check)}, load)
		require.Equal(t, want, textOf(a.plan, a.ask(t.Context(), question.Instant(judged), nil)[0])[0])
	}
}

func TestEachCellIsMeasured(t *testing.T) {
	load := scrapedEvery("slow", `,cluster="a"`, 120, 0, 18000) + scrapedEvery("slow", `,cluster="b"`, 60, 0, 18000)
	a := slowAsker(t, spec{}, load, func(o *Source) { o.Partition = "cluster" })
	b := a.ask(t.Context(), question.Instant(judged), nil)[0]
	require.Equal(t, []string{"a", "b"}, b.Cells)
	require.Contains(t, b.Columns[0].Rows[0].Fault.Detail, "its targets in a are scraped 8 times in 15m (every 113s)")
	require.Nil(t, b.Columns[0].Rows[1].Fault)
	require.InDelta(t, 300, b.Columns[0].Rows[1].Counts.Total, 1e-9)
	require.True(t, b.Slow.All(), "no other service is scraped")
}

func TestServicesThatUpDoesNotNameAreMeasuredByTheirCell(t *testing.T) {
	routed := spec{
		Rubrics:    fixture.OneCheck(fixture.EventsCheck + ", identity: routed"),
		Identities: map[string]map[string]string{"routed": {"service": "service.name"}},
		Presence:   map[string]string{"routed": `count by ($identity) (req_total)`},
	}
	anonymous := func(every int) string {
		return strings.ReplaceAll(scrapedEvery("slow", "", every, 0, 18000), `up{service="slow"`, fmt.Sprintf(`up{job="%d"`, every))
	}
	a := slowAsker(t, routed, anonymous(120))
	b := a.ask(t.Context(), question.Instant(judged), nil)[0]
	require.Contains(t, b.Columns[0].Rows[0].Fault.Detail, "scraped 8 times in 15m (every 113s)")
	require.Equal(t, slo.Slowness{Services: 1, Of: 1, Detail: b.Slow.Detail}, b.Slow)
	a = slowAsker(t, routed, anonymous(120)+"load 60s\n  up{job=\"other\"} 1x300\n")
	require.Nil(t, a.ask(t.Context(), question.Instant(judged), nil)[0].Columns[0].Rows[0].Fault, "some target of the cell is scraped often enough: it may be that of the service")
}

func TestBirthsOfWhatIsRefusedAreRefused(t *testing.T) {
	a := bornAsker(t, spec{}, `load 120s
  up{service="a", job="j", instance="1"} 1x150
  req_total{service="a", code="500", job="j", instance="1"} _x124 1x25
`)
	for _, b := range a.ask(t.Context(), question.Span{Start: bornAt - 600, Step: 300, N: 4, Final: bornAt + 1200}, nil) {
		require.Len(t, b.Columns[0].Rows, 1)
		row := b.Columns[0].Rows[0]
		require.Equal(t, slo.SourceError, row.Fault.Reason)
		require.Equal(t, slo.Row{Fault: row.Fault}, row)
	}
}

// gated counts the questions about scrapes, and fails them while it is closed.
type gated struct {
	Prometheus
	asked  atomic.Int64
	closed atomic.Bool
}

func (p *gated) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	if fixture.AboutScrapes(q.Expr) {
		p.asked.Add(1)
		if p.closed.Load() {
			return promapi.Report{}, errors.New("subqueries are forbidden")
		}
	}
	return p.Prometheus.Query(ctx, q, sink)
}

func TestTicksMeasureOncePerHour(t *testing.T) {
	p := &gated{}
	a := slowAsker(t, spec{}, scrapedEvery("slow", "", 120, 0, 20000), func(o *Source) { p.Prometheus, o.Client = o.Client, p })
	refused := func(at int64) bool {
		return a.ask(t.Context(), question.Instant(at), nil)[0].Columns[0].Rows[0].Fault != nil
	}
	for at := int64(judged); at < judged+3600; at += 60 {
		require.True(t, refused(at))
	}
	again := a.ask(t.Context(), question.Span{Start: judged + 3000, Step: 300, N: 2}, question.OnlyCounted)
	require.NotNil(t, again[0].Columns[0].Rows[0].Fault)
	require.EqualValues(t, 1, p.asked.Load(), "nor are slots measured that are asked about again")

	p.closed.Store(true)
	for at := int64(judged + 3600); at < judged+3600+600; at += 60 {
		require.True(t, refused(at), "what was measured before stands")
	}
	require.EqualValues(t, 1+2, p.asked.Load(), "it is asked again after 5m")
	p.closed.Store(false)
	require.True(t, refused(judged+3600+600))
	require.True(t, refused(judged+3600+660))
	require.EqualValues(t, 1+2+1, p.asked.Load())
}

func TestWhatCannotBeMeasuredIsNotRefused(t *testing.T) {
	p := &gated{}
	p.closed.Store(true)
	a := slowAsker(t, spec{}, scrapedEvery("slow", "", 120, 0, 18000), func(o *Source) { p.Prometheus, o.Client = o.Client, p })
	b := a.ask(t.Context(), question.Instant(judged), nil)[0]
	require.Nil(t, b.Columns[0].Rows[0].Fault)
	require.Equal(t, 1, b.Cost.Failed)
}

// TestOftenEnoughIsNeverRefused draws when a target began to be scraped, how
// often, with which phase, and when Prometheus was away.
func TestOftenEnoughIsNeverRefused(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		every := rapid.SampledFrom([]int{5, 15, 30, 45, 60, 70, 80, 85, 90, 100, 120, 145}).Draw(r, "every")
		n := 3 * 3600 / 5
		began, phase := rapid.IntRange(0, n).Draw(r, "began"), rapid.IntRange(0, every/5-1).Draw(r, "phase")
		away, back := -1, -1
		if rapid.Bool().Draw(r, "restarted") {
			away = rapid.IntRange(0, n).Draw(r, "away")
			back = away + rapid.IntRange(1, 24).Draw(r, "for")
		}
		var values strings.Builder
		for i := range n + 1 {
			if i < began || i > away && i < back || (i+phase)%(every/5) != 0 {
				values.WriteString("_ ")
			} else {
				values.WriteString("1 ")
			}
		}
		a := slowAsker(t, spec{}, "load 5s\n  up{service=\"slow\"} "+values.String()+"\n")
		hour := question.Instant(3 * 3600)
		found, _, ok := a.measureAt(t.Context(), hour, everyOne(a.scrapes))
		require.True(r, ok)
		p := found[hour.Start]
		switch {
		case every <= 60 && began <= away && away > 0 && n-began < 720:
			// two minutes away in the only tile there may be are 13 of 15 scrapes
			require.Empty(r, p.slow)
		case every <= 70 && away < 0:
			require.Empty(r, p.slow)
		case every >= 90 && len(p.measured) > 0:
			require.Len(r, p.slow, 1)
		}
		if n-began >= 2*900/5 && away < 0 {
			require.Len(r, p.measured, 1)
		}
	})
}

func TestProbesTellWhatIsScrapedTooSeldom(t *testing.T) {
	a := slowAsker(t, spec{}, scrapedEvery("slow", "", 120, 0, 18000)+scrapedEvery("fast", "", 30, 0, 18000))
	probes := ProbeSources(t.Context(), a.plan, []Source{a.Source}, time.Unix(judged+60, 0))
	require.Len(t, probes, 4)
	require.Len(t, probes[0].Faults, 1)
	require.Contains(t, probes[0].Faults[0], "its targets in eu are scraped 8 times in 15m (every 113s), and a slot of 5m needs")
	require.True(t, probes[2].Scrapes)
	require.Equal(t, 2, probes[2].Services)
	require.Empty(t, probes[2].Faults)
}
