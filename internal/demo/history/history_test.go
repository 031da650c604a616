package history_test

import (
	"context"
	"log/slog"
	"math"
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/history"
	"github.com/apgarhq/apgar/internal/demo/instance"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func instances() []*instance.Instance {
	load := traffic.Load{Rate: 12, Daily: 0.5, ErrorRatio: 0.01, SlowRatio: 0.05, MaxDescriptors: 1024, Uptime: 72 * time.Hour, Version: "1.0.0"}
	found := []*instance.Instance{
		instance.New("eu-west", "tracks", "tracks-0:8080", load, noon()),
		instance.New("eu-west", "playlist", "playlist-0:8080", load, noon()),
	}
	found[0].SetEpisodes([]traffic.Episode{{From: noon().Add(-time.Hour), To: noon().Add(-50 * time.Minute), ErrorRatio: 0.5, Version: "1.1.0"}})
	return found
}

func open(t *testing.T, dir string) *tsdb.DB {
	t.Helper()
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

type sample struct {
	t int64
	v float64
}

// read returns the samples of every series that the labels match.
func read(t *testing.T, db *tsdb.DB, pairs ...string) map[string][]sample {
	t.Helper()
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	var matchers []*labels.Matcher
	for i := 0; i < len(pairs); i += 2 {
		matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, pairs[i], pairs[i+1]))
	}
	found := map[string][]sample{}
	set := q.Select(t.Context(), true, nil, matchers...)
	for set.Next() {
		s := set.At()
		it := s.Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			found[s.Labels().String()] = append(found[s.Labels().String()], sample{at, v})
		}
		require.NoError(t, it.Err())
	}
	require.NoError(t, set.Err())
	return found
}

func TestTheBlockHoldsWhatTheMetersRead(t *testing.T) {
	dir, all := t.TempDir(), instances()
	span := history.Span{From: noon().Add(-6 * time.Hour), To: noon(), Step: 30 * time.Second}
	written, err := history.WriteBlock(t.Context(), dir, all, span)
	require.NoError(t, err)
	db := open(t, dir)
	require.Len(t, db.Blocks(), 1)
	total := 0
	for _, i := range all {
		for _, column := range i.Columns() {
			series := read(t, db, "__name__", column.Labels.Get("__name__"), "instance", i.Name)[column.Labels.String()]
			require.NotEmpty(t, series, column.Labels.String())
			total += len(series)
			for k, s := range series {
				require.True(t, k == 0 || s.t > series[k-1].t)
				reading := i.Meter().Read(time.UnixMilli(s.t))
				want, exists := column.Value(&reading)
				if !exists {
					require.True(t, value.IsStaleNaN(s.v))
					continue
				}
				require.Equal(t, want, s.v)
			}
		}
	}
	require.Equal(t, written, uint64(total))
	up := read(t, db, "__name__", "up", "service", "playlist")
	for _, series := range up {
		require.Len(t, series, 6*120)
		require.Greater(t, series[0].t, span.From.UnixMilli())
		require.LessOrEqual(t, series[len(series)-1].t, noon().UnixMilli())
	}
}

func TestAVersionThatRanForAWhileEndsWithAStalenessMarker(t *testing.T) {
	dir := t.TempDir()
	_, err := history.WriteBlock(t.Context(), dir, instances(), history.Span{From: noon().Add(-2 * time.Hour), To: noon(), Step: 30 * time.Second})
	require.NoError(t, err)
	versions := read(t, open(t, dir), "__name__", "service_build_info", "version", "1.1.0")
	require.Len(t, versions, 1)
	for _, series := range versions {
		require.Len(t, series, 21)
		require.Equal(t, 1.0, series[19].v)
		require.True(t, value.IsStaleNaN(series[20].v))
	}
}

func TestAppendingContinuesTheBlockWithoutAGap(t *testing.T) {
	dir, all := t.TempDir(), instances()
	_, err := history.WriteBlock(t.Context(), dir, all, history.Span{From: noon().Add(-time.Hour), To: noon(), Step: 30 * time.Second})
	require.NoError(t, err)
	db := open(t, dir)
	more := history.Span{From: noon(), To: noon().Add(2 * time.Minute), Step: 30 * time.Second}
	require.NoError(t, history.Append(t.Context(), db, all, more))
	require.NoError(t, history.Append(t.Context(), db, all, more), "what is there already is left out")
	for name, series := range read(t, db, "__name__", "http_requests_total", "service", "playlist", "code", "200") {
		require.Len(t, series, 124, name)
		for k := 1; k < len(series); k++ {
			require.Equal(t, int64(30_000), series[k].t-series[k-1].t)
			require.GreaterOrEqual(t, series[k].v, series[k-1].v)
		}
	}
}

func TestNothingIsLeftBehindWhenWritingIsCancelled(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := history.WriteBlock(ctx, dir, instances(), history.Span{From: noon().Add(-time.Hour), To: noon(), Step: time.Minute})
	require.ErrorIs(t, err, context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestASpanWithoutSamplesWritesNoBlock(t *testing.T) {
	dir := t.TempDir()
	written, err := history.WriteBlock(t.Context(), dir, instances(), history.Span{From: noon(), To: noon(), Step: time.Minute})
	require.NoError(t, err)
	require.Zero(t, written)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = history.WriteBlock(t.Context(), dir, instances(), history.Span{From: noon(), To: noon(), Step: time.Millisecond})
	require.ErrorContains(t, err, "shorter than a second")
}
