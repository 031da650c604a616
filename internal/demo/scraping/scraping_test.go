package scraping_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/scraping"
)

// latest returns the newest value of every series of a name, by its label path.
func latest(t *testing.T, db *tsdb.DB, name string) map[string]float64 {
	t.Helper()
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	require.NoError(t, err)
	defer func() { require.NoError(t, q.Close()) }()
	found := map[string]float64{}
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			_, found[set.At().Labels().Get("path")] = it.At()
		}
	}
	require.NoError(t, set.Err())
	return found
}

func TestTargetsAreScrapedUntilTheyAreRemoved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprint(w, "# HELP visits A number.\n# TYPE visits counter\nvisits 7\n")
	}))
	defer server.Close()
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	pool, err := scraping.NewPool(50*time.Millisecond, db, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()

	address := strings.TrimPrefix(server.URL, "http://")
	var targets []scraping.Target
	for _, path := range []string{"/fine", "/broken"} {
		targets = append(targets, scraping.Target{Address: address, Path: path, Labels: map[string]string{"job": "it", "instance": "one", "path": path}})
	}
	require.NoError(t, pool.SetTargets(ctx, targets))
	wait := func(what string, good func() bool) {
		t.Helper()
		require.Eventually(t, good, 10*time.Second, 20*time.Millisecond, what)
	}
	wait("both targets are scraped", func() bool { return len(latest(t, db, "up")) == 2 })
	require.Equal(t, map[string]float64{"/fine": 1, "/broken": 0}, latest(t, db, "up"))
	require.Equal(t, map[string]float64{"/fine": 7}, latest(t, db, "visits"))
	require.Equal(t, []scraping.Metadata{{Name: "visits", Type: "counter", Help: "A number."}}, pool.Metadata())

	require.NoError(t, pool.SetTargets(ctx, nil))
	wait("the series turn stale", func() bool { return value.IsStaleNaN(latest(t, db, "visits")["/fine"]) })
	cancel()
	require.NoError(t, <-ended)
	require.ErrorIs(t, pool.SetTargets(ctx, targets), context.Canceled)
}

func TestAnIntervalThatIsTooShortIsRefused(t *testing.T) {
	_, err := scraping.NewPool(time.Millisecond, nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "too short")
}
