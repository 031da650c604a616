package gather

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
)

// codes are series of one service with so many codes, one of them bad.
func codes(service string, n int) string {
	var b strings.Builder
	b.WriteString("load 1m\n")
	for i := range n {
		fmt.Fprintf(&b, "  req_total{service=%q,code=\"%d\"} 0+6x20\n", service, 501-i)
	}
	return b.String() + "\n"
}

func TestASourceClassifiesWhereItsRowsAreTooMany(t *testing.T) {
	tests := map[string]struct {
		load string
		told bool
		want []string
	}{
		"four codes":                       {codes("playlist", 4), false, []string{"playlist@eu 60/120"}},
		"five codes":                       {codes("playlist", 5), true, []string{"playlist@eu 60/150"}},
		"four on average":                  {codes("playlist", 7) + codes("search", 1), false, []string{"playlist@eu 60/210", "search@eu 30/30"}},
		"more than four on average":        {codes("playlist", 8) + codes("search", 1), true, []string{"playlist@eu 60/240", "search@eu 30/30"}},
		"rows of nobody are rows, too":     {codes("playlist", 1) + codes("nobody", 9), true, []string{"playlist@eu 30/30"}},
		"cells are told apart":             {strings.ReplaceAll(codes("playlist", 4), "}", `,cluster="a"}`) + codes("playlist", 4), false, []string{"playlist@a 60/120", "playlist@eu 60/120"}},
		"nothing is measured without rows": {"load 1m\n  other 1x20\n", false, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := spec{Rubrics: fixture.OneCheck(fixture.EventsCheck), Services: fixture.Named("playlist", "search")}.plan(t)
			a := newAsker(Source{Name: "eu", Partition: "cluster", Client: fixture.Client(t, promservertest.Load(t, tt.load))}, p)
			require.Equal(t, tt.want, textOf(p, a.ask(t.Context(), question.Instant(600), nil)[0]))
			q := a.told.inEffect(&a.queries[0])
			require.Equal(t, tt.told, q != &a.queries[0])
			require.Equal(t, tt.want, textOf(p, a.ask(t.Context(), question.Instant(600), nil)[0]), "from then on")
			if tt.told {
				answers := a.send(t.Context(), q, question.Instant(600), 0)
				require.LessOrEqual(t, answers[0].report.Series, 2*2)
			}
			require.Equal(t, tt.want == nil, a.told.unmeasured(&a.queries[0]))
		})
	}
}

// TestASourceClassifiesWhatIsTooLargeToBeMeasured has more rows than are taken, and
// one service, so that there is nothing to cut.
func TestASourceClassifiesWhatIsTooLargeToBeMeasured(t *testing.T) {
	p := spec{Rubrics: fixture.OneCheck(fixture.EventsCheck), Services: fixture.Named("playlist")}.plan(t)
	client := fixture.Client(t, promservertest.Load(t, codes("playlist", 50)), func(o *promapi.Options) { o.Limits = promapi.Limits{ResponseBytes: 1 << 20, Series: 20} })
	a := newAsker(Source{Name: "eu", Client: client}, p)
	for _, s := range []question.Span{question.Instant(600), {Start: 600, Step: 300, N: 2}} {
		require.Equal(t, []string{"playlist@eu 60/1500"}, textOf(p, a.ask(t.Context(), s, nil)[0]))
	}
}

func TestProbesTellTheQueryInEffect(t *testing.T) {
	p := spec{Rubrics: fixture.OneCheck(fixture.EventsCheck), Services: fixture.Named("playlist")}.plan(t)
	for n, want := range map[int]string{4: "sum by (code, service) (", 5: "sum by (apgar_bad_0, service) (label_replace("} {
		source := Source{Name: "eu", Client: fixture.Client(t, promservertest.Load(t, codes("playlist", n)))}
		probes := ProbeSources(t.Context(), p, []Source{source}, time.Unix(600, 0))
		require.Contains(t, probes[0].Expr, want)
		require.Equal(t, []string{"a/one"}, probes[0].Checks)
		require.Equal(t, 1, probes[0].Services)
	}
}

// drawBad draws matchers that do not match everything, nor contradict each
// other.
func drawBad(r *rapid.T) string {
	name := rapid.SampledFrom([]string{"a", "b", "c"})
	drawn := []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "a", "x")}
	if rapid.Bool().Draw(r, "negative") {
		drawn[0] = labels.MustNewMatcher(labels.MatchNotEqual, "a", "y")
	}
	for range rapid.IntRange(0, 3).Draw(r, "matchers") {
		kind := rapid.SampledFrom([]labels.MatchType{labels.MatchEqual, labels.MatchNotEqual, labels.MatchRegexp, labels.MatchNotRegexp}).Draw(r, "type")
		value := rapid.SampledFrom([]string{"", "x", "y", "x.", ".*", ".+", "x|y", "(?i)X", "x(y)?", "[^x]", "$1", ".*\n.*", "1", "x.*|"}).Draw(r, "value")
		next := labels.MustNewMatcher(kind, name.Draw(r, "label"), value)
		if !slices.ContainsFunc(drawn, func(m *labels.Matcher) bool { return contradict(m, next) || contradict(next, m) }) {
			drawn = append(drawn, next)
		}
	}
	texts := make([]string, len(drawn))
	for i, m := range drawn {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ",") + "}"
}

// contradict reports that the value that one matcher asks for is none for another.
func contradict(equal, other *labels.Matcher) bool {
	return equal.Type == labels.MatchEqual && equal.Name == other.Name && !other.Matches(equal.Value)
}

// TestASourceClassifiesAsWeDo draws matchers and the labels of series, and has both
// classify.
func TestASourceClassifiesAsWeDo(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rubrics := "\nrubrics:\n  - name: a\n    checks:\n"
		for i := range rapid.IntRange(1, 3).Draw(r, "checks") {
			rubrics += fmt.Sprintf("      - {name: c%d, events: {metric: req_total, bad: %s}, objective: 99%%}\n", i, strconv.Quote(drawBad(r)))
		}
		load := "load 1m\n"
		value := rapid.SampledFrom([]string{"", "x", "y", "xy", "X", "x.", "$1", "x\ny", "1", "1,1", "é"})
		known := map[string]bool{}
		for i := range rapid.IntRange(1, 12).Draw(r, "series") {
			ls := labels.FromStrings("service", rapid.SampledFrom([]string{"playlist", "search", "nobody"}).Draw(r, "service"),
				"cluster", rapid.SampledFrom([]string{"", "west"}).Draw(r, "cluster"),
				"a", value.Draw(r, "a"), "b", value.Draw(r, "b"), "c", value.Draw(r, "c"))
			text := labels.NewBuilder(ls).Labels().String()
			if !known[text] {
				known[text] = true
				load += fmt.Sprintf("  req_total%s 0+%dx20\n", text, 1<<i)
			}
		}
		p := spec{Rubrics: rubrics, Services: fixture.Named("playlist", "search")}.plan(t)
		a := newAsker(Source{Name: "eu", Partition: "cluster", Client: fixture.Client(t, promservertest.Load(t, load))}, p)
		require.Len(r, a.queries, 2, "one scan, and the targets")
		ours := textOf(p, a.ask(t.Context(), question.Instant(600), nil)[0])
		a.told.told = map[*question.Query]bool{&a.queries[0]: true}
		b := a.ask(t.Context(), question.Instant(600), nil)[0]
		require.Equal(r, ours, textOf(p, b), load)
		require.Zero(r, b.Cost.Failed)
	})
}
