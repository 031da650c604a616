package collector

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnOverriddenWindowOfAQueryIsAskedOnItsOwn(t *testing.T) {
	services := annotated(named("playlist", "search"), map[string]string{"apgar.dev/a.one.window": "30m"})
	rubrics := oneCheck(`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`)
	p := spec{rubrics: rubrics, services: services}.plan(t)
	var windows []string
	for _, q := range p.queries(dialect{}) {
		for _, w := range []string{"[5m]", "[30m]"} {
			if strings.Contains(q.expr, w) {
				windows = append(windows, w)
			}
		}
	}
	require.Equal(t, []string{"[5m]", "[30m]"}, windows)
	require.Equal(t, []bool{false, true}, p.slis[0].applies)
	require.Equal(t, []bool{true, false}, p.slis[1].applies)
}

func TestAnOverrideThatIsNoGoodIsLeftOut(t *testing.T) {
	services := annotated(named("playlist"), map[string]string{"apgar.dev/shop.owner.weight": "heavy", "apgar.dev/shop.nothing.weight": "1"})
	p := spec{rubrics: shop, services: services}.plan(t)
	require.InDelta(t, 5, p.graded[0].rubric.Checks[1].Weight, 0)
}

func TestAnOverriddenBorderOfAValueAsksNothingMore(t *testing.T) {
	for _, body := range []string{
		gaugeCheck,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, window: 5m, pass: 1, fail: 2`,
		`value: {query: 'max by ($identity) (max_over_time(fds[$window]))'}, pass: 1, fail: 2`,
	} {
		services := annotated(named("playlist", "search"), map[string]string{"apgar.dev/a.one.pass": "1.5"})
		p := spec{rubrics: oneCheck(body), services: services}.plan(t)
		require.Len(t, p.slis, 1, body)
		require.InDelta(t, 1.5, *p.graded[0].rubric.Checks[0].Pass, 0)
	}
}
