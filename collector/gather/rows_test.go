package gather

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestWhatARealPrometheusAnswersBecomesRows(t *testing.T) {
	partitioned := func(o *Source) { o.Partition = "cluster" }
	tests := []struct {
		name    string
		rubrics string
		spec    spec
		load    string
		change  func(*Source)
		want    []string
	}{
		{
			name:    "events are good or bad by their labels",
			rubrics: fixture.OneCheck(fixture.EventsCheck),
			load: `load 1m
				req_total{service="playlist",code="200"} 0+60x20
				req_total{service="playlist",code="503"} 0+6x20
				req_total{service="search",code="200"} 0+2x20
				req_total{service="nobody",code="200"} 0+2x20`,
			want: []string{"playlist@eu 30/330", "search@eu 0/10"},
		},
		{
			name:    "a pattern is anchored, and a missing label is empty",
			rubrics: fixture.OneCheck(`events: {metric: req_total, bad: '{code=~"5..", canary=""}'}, objective: 99%`),
			load: `load 1m
				req_total{service="playlist",code="5000"} 0+1x20
				req_total{service="playlist",code="500",canary="yes"} 0+2x20
				req_total{service="playlist",code="500"} 0+3x20`,
			want: []string{"playlist@eu 15/30"},
		},
		{
			name:    "bad events of another metric",
			rubrics: fixture.OneCheck(`events: {total: {metric: calls_total}, bad: {metric: failures_total}}, objective: 99%`),
			load: `load 1m
				calls_total{service="playlist"} 0+10x20
				failures_total{service="playlist"} 0+1x20
				calls_total{service="search"} 0+10x20
				failures_total{service="idle"} 0+0x20
				failures_total{service="odd"} 0+1x20`,
			want: []string{"odd@eu invalid_data: 5 bad events of 0 cannot be", "playlist@eu 5/50", "search@eu 0/50"},
		},
		{
			name:    "a recorded increase is taken as it is",
			rubrics: fixture.OneCheck(`events: {metric: "req:increase5m", bad: '{code="500"}', recorded: increase5m}, objective: 99%`),
			load: `load 1m
				req:increase5m{service="playlist",code="200"} 41x20
				req:increase5m{service="playlist",code="500"} 1x20`,
			want: []string{"playlist@eu 1/42"},
		},
		{
			name:    "buckets in whatever form their bounds are written, summed",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",pod="a",le="0.5"} 0+9x20
				lat_seconds_bucket{service="playlist",pod="a",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="playlist",pod="b",le="5e-01"} 0+8x20
				lat_seconds_bucket{service="playlist",pod="b",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="playlist",pod="b",le="0.1"} 0+1x20`,
			want: []string{"playlist@eu 15/100"},
		},
		{
			name:    "a bound that no bucket has is an error that names the nearest",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",le="0.1"} 0+9x20
				lat_seconds_bucket{service="playlist",le="0.4"} 0+9x20
				lat_seconds_bucket{service="playlist",le="0.8"} 0+9x20
				lat_seconds_bucket{service="playlist",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="search",le="0.5"} 0+9x20
				lat_seconds_bucket{service="search",le="+Inf"} 0+9x20`,
			want: []string{
				"playlist@eu no_such_bucket: lat_seconds has no bucket with the bound 0.5; the nearest are 0.4 and 0.8",
				"search@eu 0/45",
			},
		},
		{
			name:    "a bound that only some series have is an error of their cell",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",cluster="x",pod="old",le="0.4"} 0+9x20
				lat_seconds_bucket{service="playlist",cluster="x",pod="old",le="0.8"} 0+9x20
				lat_seconds_bucket{service="playlist",cluster="x",pod="old",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="playlist",cluster="x",pod="new",le="0.5"} 0+9x20
				lat_seconds_bucket{service="playlist",cluster="x",pod="new",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="playlist",cluster="y",pod="new",le="0.5"} 0+9x20
				lat_seconds_bucket{service="playlist",cluster="y",pod="new",le="+Inf"} 0+10x20`,
			change: partitioned,
			want: []string{
				"playlist@x no_such_bucket: some series of lat_seconds have no bucket with the bound 0.5, and others have: do several versions run?; the nearest are 0.4 and 0.8",
				"playlist@y 5/50",
			},
		},
		{
			name:    "a series without the bound counts until its slot is over",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",pod="old",le="0.4"} 0+9x8 stale
				lat_seconds_bucket{service="playlist",pod="old",le="+Inf"} 0+10x8 stale
				lat_seconds_bucket{service="playlist",pod="new",le="0.5"} 0+9x20
				lat_seconds_bucket{service="playlist",pod="new",le="+Inf"} 0+10x20
				lat_seconds_bucket{service="search",pod="old",le="+Inf"} 0+10x4 stale
				lat_seconds_bucket{service="search",pod="new",le="0.5"} 0+9x20
				lat_seconds_bucket{service="search",pod="new",le="+Inf"} 0+10x20`,
			want: []string{
				"playlist@eu no_such_bucket: some series of lat_seconds have no bucket with the bound 0.5, and others have: do several versions run?; the nearest are 0.4",
				"search@eu 5/50",
			},
		},
		{
			name:    "nothing has the bound any more, of which the slot has some",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",pod="old",le="0.5"} 0+9x8 stale
				lat_seconds_bucket{service="playlist",pod="old",le="+Inf"} 0+10x8 stale
				lat_seconds_bucket{service="playlist",pod="new",le="0.4"} _x7 0+9x13
				lat_seconds_bucket{service="playlist",pod="new",le="+Inf"} _x7 0+10x13`,
			want: []string{
				"playlist@eu no_such_bucket: some series of lat_seconds have no bucket with the bound 0.5, and others have: do several versions run?; the nearest are 0.4",
			},
		},
		{
			name:    "native histograms do not mind classic buckets that have just gone",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",le="0.4"} 0+9x5 stale
				lat_seconds_bucket{service="playlist",le="+Inf"} 0+10x5 stale
				lat_seconds{service="playlist"} {{schema:0 sum:0 count:0 offset:-2 buckets:[0 0 0]}}+{{schema:0 sum:4 count:8 offset:-2 buckets:[2 2 4]}}x20`,
			want: []string{"playlist@eu 20/40"},
		},
		{
			name:    "buckets without +Inf",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds_bucket{service="playlist",le="0.5"} 0+9x20`,
			want: []string{"playlist@eu invalid_data: lat_seconds has no +Inf bucket"},
		},
		{
			name:    "native histograms are interpolated, classic buckets stand before them",
			rubrics: fixture.OneCheck(fixture.BucketCheck),
			load: `load 1m
				lat_seconds{service="playlist"} {{schema:0 sum:0 count:0 offset:-2 buckets:[0 0 0]}}+{{schema:0 sum:4 count:8 offset:-2 buckets:[2 2 4]}}x20
				lat_seconds{service="search"} {{schema:0 sum:0 count:0 offset:-2 buckets:[0 0 0]}}+{{schema:0 sum:4 count:8 offset:-2 buckets:[2 2 4]}}x20
				lat_seconds_bucket{service="search",le="0.5"} 0+9x20
				lat_seconds_bucket{service="search",le="+Inf"} 0+10x20`,
			want: []string{"playlist@eu 20/40", "search@eu 5/50"},
		},
		{
			name:    "a gauge is one value for each service",
			rubrics: fixture.OneCheck(fixture.GaugeCheck),
			load: `load 1m
				fds{service="playlist",pod="a"} 1x20
				fds{service="playlist",pod="b"} 3x20
				fds{service="search"} -2.5x20`,
			want: []string{"playlist@eu 3", "search@eu -2.5"},
		},
		{
			name:    "what is not finite is invalid, for its service alone",
			rubrics: fixture.OneCheck(`value: {query: 'max by ($identity) ((fds - 1) / (fds - 1) + 1 / (fds - 2))'}, pass: 1, fail: 2`),
			load: `load 1m
				fds{service="playlist"} 1x20
				fds{service="search"} 2x20
				fds{service="idle"} 3x20`,
			want: []string{"idle@eu 2", "playlist@eu invalid_data: the answer holds NaN", "search@eu invalid_data: the answer holds +Inf"},
		},
		{
			name:    "targets are up or down",
			rubrics: fixture.OneCheck(fixture.GaugeCheck),
			load: `load 1m
				up{service="playlist",instance="a"} 1x20
				up{service="playlist",instance="b"} 1x20
				up{service="playlist",instance="c"} 0x20
				up{service="search",instance="a"} 0x20
				up{service="nobody",instance="a"} 1x20`,
			want: []string{"playlist@eu 2 up 1 down", "search@eu 0 up 1 down"},
		},
		{
			name: "a presence query of one's own says how many are up",
			spec: spec{
				Identities: map[string]map[string]string{"replicas": {"service": "service.name"}},
				Presence:   map[string]string{"replicas": "sum by ($identity) (replicas)"},
			},
			rubrics: fixture.OneCheck(`identity: replicas, ` + fixture.GaugeCheck),
			load: `load 1m
				replicas{service="playlist"} 3x20
				replicas{service="search"} 0x20`,
			want: []string{"playlist@eu 3 up 0 down", "search@eu 0 up 1 down"},
		},
		{
			name: "a presence query that gives nonsense is no witness",
			spec: spec{
				Identities: map[string]map[string]string{"replicas": {"service": "service.name"}},
				Presence:   map[string]string{"replicas": "sum by ($identity) (replicas / replicas)"},
			},
			rubrics: fixture.OneCheck(`identity: replicas, ` + fixture.GaugeCheck),
			load: `load 1m
				replicas{service="playlist"} 0x20`,
			want: []string{"targets: invalid_data"},
		},
		{
			name:    "a partitioned source has a cell for each value, and its own for rows without",
			rubrics: fixture.OneCheck(fixture.EventsCheck),
			change:  partitioned,
			load: `load 1m
				req_total{service="playlist",cluster="west",code="200"} 0+2x20
				req_total{service="playlist",cluster="east",code="500"} 0+1x20
				req_total{service="playlist",code="200"} 0+3x20
				up{service="playlist",cluster="north"} 1x20`,
			want: []string{"playlist@east 5/5", "playlist@eu 0/15", "playlist@west 0/10", "playlist@north 1 up 0 down"},
		},
		{
			name:    "renamed labels are read back",
			rubrics: fixture.OneCheck(fixture.EventsCheck),
			change: func(o *Source) {
				o.Labels = map[string]string{"service": "exported_service", "code": "status"}
			},
			load: `load 1m
				req_total{exported_service="playlist",status="500"} 0+1x20
				req_total{service="search",code="500"} 0+1x20`,
			want: []string{"playlist@eu 5/5"},
		},
		{
			name: "the tuples of a list belong to one service: counts add up",
			spec: spec{
				Identities: map[string]map[string]string{"parts": {"part": `[service.name, service.name + "-worker"]`}},
			},
			rubrics: fixture.OneCheck(`identity: parts, ` + fixture.EventsCheck),
			load: `load 1m
				req_total{part="playlist",code="200"} 0+3x20
				req_total{part="playlist-worker",code="500"} 0+1x20`,
			want: []string{"playlist@eu 5/20"},
		},
		{
			name: "the tuples of a list belong to one service: gauges merge as over cells",
			spec: spec{
				Identities: map[string]map[string]string{"parts": {"part": `[service.name, service.name + "-worker"]`}},
			},
			rubrics: `
rubrics:
  - name: a
    identity: parts
    checks:
      - {name: worst, value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2}
      - {name: best, value: {query: 'max by ($identity) (fds)', across: best}, pass: 1, fail: 2}
      - {name: sum, value: {query: 'max by ($identity) (fds)', across: sum}, pass: 1, fail: 2}
      - {name: mean, value: {query: 'max by ($identity) (fds)', across: mean}, pass: 1, fail: 2}
      - {name: least, value: {query: 'max by ($identity) (fds)'}, pass: 2, fail: 1}
`,
			load: `load 1m
				fds{part="playlist"} 1x20
				fds{part="playlist-worker"} 4x20`,
			want: []string{"playlist@eu 4", "playlist@eu 1", "playlist@eu 5", "playlist@eu 2.5", "playlist@eu 1"},
		},
		{
			name:    "a query that the source refuses is a fault of its column alone",
			rubrics: "rubrics:\n  - name: a\n    checks:\n      - {name: one, " + fixture.GaugeCheck + "}\n      - {name: two, value: {query: 'sum by ($identity) (a * on (x) b)'}, pass: 1, fail: 2}\n",
			load: `load 1m
				fds{service="playlist"} 1x20
				a{x="1",service="playlist"} 1x20
				a{x="1",service="search"} 1x20
				b{x="1"} 1x20`,
			want: []string{"playlist@eu 1", "source_error"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.spec
			f.Rubrics, f.Services = tt.rubrics, fixture.Named("playlist", "search", "idle", "odd")
			if tt.change == nil {
				tt.change = func(*Source) {}
			}
			require.Equal(t, tt.want, answersOf(t, f.plan(t), tt.load, tt.change))
		})
	}
}
