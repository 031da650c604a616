package rubric

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRenderPutsLabelsAndWindowIntoTheTree(t *testing.T) {
	for name, tt := range map[string]struct{ query, want string }{
		"labels in an aggregation": {
			`max by ($identity) (process_open_fds / process_max_fds)`,
			`max by (namespace, service, cluster) (process_open_fds / process_max_fds)`,
		},
		"labels behind the aggregation, and a window": {
			`sum(rate(a_total[$window])) by ($identity)`,
			`sum by (namespace, service, cluster) (rate(a_total[10m]))`,
		},
		"labels of a match": {
			`sum by ($identity) (a) / on ($identity) sum by ($identity, pod) (b)`,
			`sum by (namespace, service, cluster) (a) / on (namespace, service, cluster) sum by (namespace, service, cluster, pod) (b)`,
		},
		"other labels beside the identity's": {
			`histogram_quantile(0.9, sum by (le, $identity) (rate(d_bucket[$window])))`,
			`histogram_quantile(0.9, sum by (le, namespace, service, cluster) (rate(d_bucket[10m])))`,
		},
		"a label that is given already stands once": {
			`sum by ($identity) (sum by (service, $identity) (a))`,
			`sum by (namespace, service, cluster) (sum by (service, namespace, cluster) (a))`,
		},
		"windows of subqueries and offsets": {
			`sum by ($identity) (max_over_time(a[$window:1m] offset $window) - a offset $window)`,
			`sum by (namespace, service, cluster) (max_over_time(a[10m:1m] offset 10m) - a offset 10m)`,
		},
		"text that only looks like a placeholder": {
			"sum by ($identity) (a{b=~\"5..$\"}) # of $service",
			`sum by (namespace, service, cluster) (a{b=~"5..$"})`,
		},
		"a query over several lines": {
			"sum by ($identity) (\n  a\n)",
			`sum by (namespace, service, cluster) (a)`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			expr, err := parseValue(tt.query)
			require.NoError(t, err)
			before := expr.String()
			v := &Value{Query: tt.query, Expr: expr}
			require.Equal(t, tt.want, v.Render([]string{"namespace", "service"}, []string{"cluster", "service"}, 10*time.Minute))
			require.Equal(t, before, expr.String(), "the shared tree stays as it is")
		})
	}
}

func TestAQueryMustYieldOneRowPerService(t *testing.T) {
	for query, want := range map[string]bool{
		`sum by ($identity) (a)`:                                                  true,
		`(sum by ($identity) (a))`:                                                true,
		`-sum by ($identity) (a)`:                                                 true,
		`1 - sum by ($identity) (a) / 2`:                                          true,
		`clamp_max(sum by ($identity) (a), 1)`:                                    true,
		`max_over_time(sum by ($identity) (a)[5m:1m])`:                            true,
		`sum by ($identity) (a) / sum by ($identity) (b)`:                         true,
		`sum by ($identity) (a) > 0 or sum by ($identity) (b)`:                    true,
		`sum by ($identity) (a) and on ($identity) b`:                             true,
		`sum by ($identity, x) (a) / on ($identity) sum by ($identity, y) (b)`:    true,
		`sum by ($identity) (a) * on ($identity) group_left () b`:                 true,
		`a * on ($identity) group_right () sum by ($identity) (b)`:                true,
		`topk by ($identity) (1, sum by ($identity) (a))`:                         true,
		`histogram_quantile(0.5, sum by (le, $identity) (rate(d_bucket[5m])))`:    true,
		`histogram_quantile(0.5, sum by (le, x, $identity) (rate(d_bucket[5m])))`: false,
		`sum by (le, $identity) (a)`:                                              false,
		`sum by ($identity, x) (a)`:                                               false,
		`sum by (x) (a)`:                                                          false,
		`a`:                                                                       false,
		`rate(a[5m])`:                                                             false,
		`topk by ($identity) (1, a)`:                                              false,
		`count_values by ($identity) ("v", a)`:                                    false,
		`absent(sum by ($identity) (a))`:                                          false,
		`vector(1)`:                                                               false,
		`label_replace(sum by ($identity) (a), "x", "y", "z", ".*")`:              false,
		`sum by ($identity) (a) or b`:                                             false,
		`a and on ($identity) sum by ($identity) (b)`:                             false,
		`sum by ($identity) (a) * on ($identity) group_left (x) sum by ($identity, x) (b)`: false,
		`sum by ($identity) (a) * on (x) sum by ($identity) (b)`:                           false,
	} {
		_, err := parseValue(query)
		if want {
			require.NoError(t, err, query)
		} else {
			require.Error(t, err, query)
		}
	}
}

func TestHostilePromQLIsRefusedAtOnce(t *testing.T) {
	for name, query := range map[string]string{
		"very long":                strings.Repeat("a+", 1<<18) + "a",
		"deeply nested":            strings.Repeat("(", 4000) + "a" + strings.Repeat(")", 4000),
		"nested and never closed":  strings.Repeat("(", 8000),
		"nested braces":            strings.Repeat("{", 8000),
		"many operators":           strings.Repeat("a or ", 1000) + "a",
		"many placeholders":        strings.Repeat("$identity,", 700),
		"an endless string":        `sum by ($identity) (a{b="` + strings.Repeat("x", 8000),
		"an endless escape":        `sum by ($identity) (a{b="` + strings.Repeat(`\`, 8000),
		"a dollar at the very end": `sum by ($identity) (a) $`,
		"zero bytes":               "sum by ($identity) (\x00)",
		"nothing":                  "",
		"a comment":                "# $identity",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := parseValue(query)
			require.Error(t, err)
			require.Less(t, time.Since(start), time.Minute)
			require.Less(t, len(err.Error()), 1000, "a message must not repeat the query")
		})
	}
}
