package gather

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestLinksShowOneServiceAndNoSecret(t *testing.T) {
	p := spec{Rubrics: fixture.FourKinds, Services: fixture.Named("playlist", "search")}.plan(t)
	a := newAsker(Source{Name: "eu", GraphURL: "https://me:secret@prom.example/eu/?token=secret"}, p)
	require.Equal(t, "https://prom.example/eu/graph?g0.expr=sum+by+%28code%2C+service%29+%28increase%28http_requests_total%7Bhandler%21%3D%22%2Fmetrics%22%2C"+
		"service%3D%22playlist%22%7D%5B5m%5D%29%29&g0.tab=0&g0.range_input=1h", a.evidence(0, 0))
	a.GraphURL = ""
	require.Empty(t, a.evidence(0, 0))
	a.GraphURL = "://"
	require.Empty(t, a.evidence(0, 0))
}
