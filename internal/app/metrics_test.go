package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/exporter"
)

// TestTheDocumentationNamesEveryMetricAndNoOther holds what the whole process
// registers, and the page of scorecards, against docs/metrics.md, both ways.
func TestTheDocumentationNamesEveryMetricAndNoOther(t *testing.T) {
	registered, types := registeredMetrics(t)
	rows := documentedMetrics(t)
	documented := map[string][]string{}
	for _, row := range rows {
		if slices.Contains(exporter.Names(), row.name) {
			continue // their labels are held against the page by its own test
		}
		documented[row.name] = row.labels
		require.Equal(t, row.kind == "counter", strings.HasSuffix(row.name, "_total"), "only counters end in _total: %s", row.name)
		if kind, gathered := types[row.name]; gathered {
			require.Equal(t, kind, row.kind, "the type of %s", row.name)
		}
	}
	require.Equal(t, registered, documented, "what is registered, and what is documented")
	var names []string
	for _, row := range rows {
		names = append(names, row.name)
	}
	require.Subset(t, names, exporter.Names())
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(names))), len(names), "no metric is documented twice")
}

// registeredMetrics returns the labels of each apgar_ metric that a running
// service registers, and the types of those that have a value at once.
func registeredMetrics(t *testing.T) (labels map[string][]string, types map[string]string) {
	t.Helper()
	config := smallConfig(t)
	withRedis(t, config)
	s, err := newService(ServeOptions{ConfigFile: config, Web: Web{ListenAddress: "127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)}, serviceExtras{})
	require.NoError(t, err)
	defer s.close()
	return described(s.registry), gathered(t, s.registry)
}

// withRedis gives a configuration a section redis. Nothing listens there.
func withRedis(t *testing.T, path string) {
	t.Helper()
	config, err := os.ReadFile(path)
	require.NoError(t, err)
	config = append(config, "redis: {addresses: [\"127.0.0.1:1\"]}\n"...)
	require.NoError(t, os.WriteFile(path, config, 0o600))
}

// described asks the registry for descriptions: those of vectors without a
// child are among them, too.
func described(reg *prometheus.Registry) map[string][]string {
	found := make(chan *prometheus.Desc)
	go func() {
		defer close(found)
		reg.Describe(found)
	}()
	name := regexp.MustCompile(`fqName: "(apgar_[^"]*)"`)
	variable := regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
	constant := regexp.MustCompile(`([a-z_]+)="`)
	labels := map[string][]string{}
	for desc := range found {
		text := desc.String()
		match := name.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		var names []string
		if v := variable.FindStringSubmatch(text); len(v) > 1 && v[1] != "" {
			names = strings.Split(v[1], ",")
		}
		_, constants, _ := strings.Cut(text, "constLabels: ")
		for _, c := range constant.FindAllStringSubmatch(constants, -1) {
			names = append(names, c[1])
		}
		slices.Sort(names)
		labels[match[1]] = names
	}
	return labels
}

func gathered(t *testing.T, reg *prometheus.Registry) map[string]string {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	types := map[string]string{}
	for _, f := range families {
		types[f.GetName()] = strings.ToLower(f.GetType().String())
	}
	return types
}

// metricRow is a line of a table of docs/metrics.md.
type metricRow struct {
	name, kind string
	labels     []string
}

func documentedMetrics(t *testing.T) []metricRow {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	label := regexp.MustCompile("`([a-z_]+)`")
	var rows []metricRow
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "`apgar_") {
			continue
		}
		row := metricRow{name: strings.Trim(cells[1], " `"), kind: "gauge"}
		if len(cells) > 5 { // the tables of the process have a column more
			row.kind = strings.TrimSpace(cells[2])
			cells = cells[1:]
		}
		for _, l := range label.FindAllStringSubmatch(cells[2], -1) {
			row.labels = append(row.labels, l[1])
		}
		slices.Sort(row.labels)
		rows = append(rows, row)
	}
	return rows
}

// smallConfig writes a configuration with one source and one service.
func smallConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"apgar.yml":   "sources:\n  - {name: local, replicas: [{url: \"http://127.0.0.1:1\"}]}\ncatalog: {files: [catalog.yml]}\nrubrics: {packs: [http]}\n",
		"catalog.yml": "apiVersion: apgar.dev/v1\nservices:\n  - {name: playlist, tags: [http]}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return filepath.Join(dir, "apgar.yml")
}
