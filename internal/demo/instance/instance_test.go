package instance_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/instance"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func playlist() *instance.Instance {
	return instance.New("eu-west", "playlist", "playlist-0:8080", traffic.Load{
		Rate: 20, ErrorRatio: 0.01, NotFoundRatio: 0.02, SlowRatio: 0.05, MaxDescriptors: 1024, DescriptorShare: 0.5,
		Uptime: time.Hour, Version: "2.13.4",
	}, noon())
}

func scrape(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	return w.Code, string(body)
}

// exposed parses what a scrape sees into values by series, with the labels that the scrape would attach.
func exposed(t *testing.T, i *instance.Instance, text string) map[string]float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	found := map[string]float64{}
	for _, family := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnix(0)}, family)
		require.NoError(t, err)
		for _, s := range samples {
			for name, value := range i.TargetLabels() {
				s.Metric[model.LabelName(name)] = model.LabelValue(value)
			}
			if s.Metric["le"] == "1" {
				s.Metric["le"] = "1.0" // as Prometheus stores it
			}
			found[key(s.Metric)] = float64(s.Value)
		}
	}
	return found
}

func key(set model.Metric) string {
	pairs := make([]string, 0, len(set))
	for name, value := range set {
		pairs = append(pairs, string(name)+"="+string(value))
	}
	sort.Strings(pairs)
	return strings.Join(pairs, ",")
}

func TestTheColumnsAreWhatAScrapeSees(t *testing.T) {
	i := playlist()
	status, text := scrape(t, instance.NewHandler([]*instance.Instance{i}, noon, slog.New(slog.DiscardHandler)), i.Path())
	require.Equal(t, http.StatusOK, status)
	want := exposed(t, i, text)
	reading := i.Meter().Read(noon())
	got := map[string]float64{}
	for _, column := range i.Columns() {
		set := model.Metric{}
		for name, value := range column.Labels.Map() {
			set[model.LabelName(name)] = model.LabelValue(value)
		}
		v, exists := column.Value(&reading)
		require.True(t, exists)
		if set["__name__"] != "up" {
			got[key(set)] = v
		}
	}
	require.Equal(t, want, got)
	require.Len(t, got, 17)
}

func TestADeployShowsAsAnotherVersion(t *testing.T) {
	i := playlist()
	i.SetEpisodes([]traffic.Episode{{From: noon(), To: noon().Add(time.Minute), ErrorRatio: 0.5, Version: "2.14.0"}})
	h := func(at time.Time) http.Handler {
		return instance.NewHandler([]*instance.Instance{i}, func() time.Time { return at }, slog.New(slog.DiscardHandler))
	}
	_, before := scrape(t, h(noon().Add(-time.Second)), i.Path())
	require.Contains(t, before, `service_build_info{version="2.13.4"} 1`)
	_, during := scrape(t, h(noon()), i.Path())
	require.Contains(t, during, `service_build_info{version="2.14.0"} 1`)
	require.NotContains(t, during, "2.13.4")
}

func TestAnInstanceThatIsNotThereIsNotFound(t *testing.T) {
	h := instance.NewHandler([]*instance.Instance{playlist()}, noon, slog.New(slog.DiscardHandler))
	status, _ := scrape(t, h, "/us-east/playlist-0:8080/metrics")
	require.Equal(t, http.StatusNotFound, status)
}

func TestEveryExposedMetricIsDescribed(t *testing.T) {
	i := playlist()
	_, text := scrape(t, instance.NewHandler([]*instance.Instance{i}, noon, slog.New(slog.DiscardHandler)), i.Path())
	for _, m := range instance.Metrics() {
		require.Contains(t, text, "# HELP "+m.Name+" "+m.Help+"\n# TYPE "+m.Name+" "+m.Type+"\n")
	}
	require.Equal(t, len(instance.Metrics()), strings.Count(text, "# TYPE "))
}
