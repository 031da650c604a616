package collector

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
)

func TestComparisonsOfReplicasAreCountedWhereThereAreSome(t *testing.T) {
	m := newMetrics(prometheus.NewRegistry())
	m.initialize(gather.Source{Name: "us", Client: fixture.Client(t, "http://a.example")})
	require.Zero(t, testutil.CollectAndCount(m.comparisons), "there is nothing to compare")
	m.initialize(gather.Source{Name: "eu", Client: fixture.Client(t, "", func(o *promapi.Options) {
		o.Replicas = []string{"http://a.example", "http://b.example"}
	})})
	require.Equal(t, 2*len(gather.Doubts()), testutil.CollectAndCount(m.comparisons))
	m.heard().Compared("eu", gather.DoubtRestart, true)
	m.heard().Compared("eu", gather.DoubtRestart, true)
	require.InDelta(t, 2, testutil.ToFloat64(m.comparisons.WithLabelValues("eu", "restart", "true")), 0)
	require.InDelta(t, 0, testutil.ToFloat64(m.comparisons.WithLabelValues("eu", "restart", "false")), 0)
}
