package question

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestAnOverriddenWindowOfAQueryIsAskedOnItsOwn(t *testing.T) {
	services := fixture.Annotated(fixture.Named("playlist", "search"), map[string]string{"apgar.dev/a.one.window": "30m"})
	rubrics := fixture.OneCheck(`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`)
	p := spec{Rubrics: rubrics, Services: services}.plan(t)
	var windows []string
	for _, q := range p.Queries(Dialect{}) {
		for _, w := range []string{"[5m]", "[30m]"} {
			if strings.Contains(q.Expr, w) {
				windows = append(windows, w)
			}
		}
	}
	require.Equal(t, []string{"[5m]", "[30m]"}, windows)
	require.Equal(t, []bool{false, true}, p.SLIs[0].Applies)
	require.Equal(t, []bool{true, false}, p.SLIs[1].Applies)
}

func TestAnOverrideThatIsNoGoodIsLeftOut(t *testing.T) {
	services := fixture.Annotated(fixture.Named("playlist"), map[string]string{"apgar.dev/shop.owner.weight": "heavy", "apgar.dev/shop.nothing.weight": "1"})
	p := spec{Rubrics: fixture.Shop, Services: services}.plan(t)
	require.InDelta(t, 5, p.Graded[0].Rubric.Checks[1].Weight, 0)
}

func TestAnOverriddenBorderOfAValueAsksNothingMore(t *testing.T) {
	for _, body := range []string{
		fixture.GaugeCheck,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, pass: 1, fail: 2`,
	} {
		services := fixture.Annotated(fixture.Named("playlist", "search"), map[string]string{"apgar.dev/a.one.pass": "1.5"})
		p := spec{Rubrics: fixture.OneCheck(body), Services: services}.plan(t)
		require.Len(t, p.SLIs, 1, body)
		require.InDelta(t, 1.5, *p.Graded[0].Rubric.Checks[0].Pass, 0)
	}
}
