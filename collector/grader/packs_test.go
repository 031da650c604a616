package grader

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// threePacks have to be detected; the last one asks no source.
const threePacks = `
rubrics:
  - name: web
    checks:
      - {name: calls, events: {metric: http_requests_total, bad: '{code="500"}'}, objective: 99%}
      - {name: owner, catalog: 'service.owner != ""'}
  - name: queue
    checks:
      - {name: depth, value: {query: 'max by ($identity) (queue_depth)'}, pass: 10, fail: 20}
      - {name: owner, catalog: 'service.owner != ""'}
  - name: entity
    checks:
      - {name: owner, catalog: 'service.owner != ""'}
`

func packsSpec() spec {
	services := fixture.Named("playlist", "search", "batch", "worker")
	for i, packs := range []string{"", "queue", "web, unheard-of", "unheard-of"} {
		services[i].Annotations = map[string]string{catalog.AnnotationPacks: packs}
	}
	return spec{Packs: threePacks, Rubrics: fixture.OneCheck(`catalog: 'true'`), Services: services}
}

// cards are the scorecards of a tick by packs, rubric/service.
func (b *bench) cards(t *testing.T, at int64) []string {
	t.Helper()
	b.tick(t, at)
	var out []string
	for _, card := range b.Grade(time.Unix(at, 0), time.Unix(at, 0)) {
		if card.Rubric != "a" && card.Rubric != scorecard.Overall {
			out = append(out, card.Rubric+"/"+card.Service.ID.Name)
		}
	}
	return out
}

// chosen are there whatever is seen: they are named by the services.
func chosen(detected ...string) []string {
	return append([]string{"queue/search", "web/batch"}, detected...)
}

func up(service string) fixture.Row {
	return fixture.Row{Labels: map[string]string{"service": service, question.UpLabel: "1"}, Value: 1}
}

func calls(service string) fixture.Row {
	return fixture.Row{Labels: map[string]string{"service": service, "code": "200"}, Value: 100}
}

// answers has the source answer a query by the metric in it.
func (b *bench) answers(source string, byMetric map[string][]fixture.Row) {
	b.rows[source] = []fixture.Row{}
	for _, s := range b.sources {
		if s.Name == source {
			s.Client.(*fixture.Prometheus).Answer = func(expr string, _ time.Time) ([]fixture.Row, error) {
				if b.fails[source] != nil {
					return nil, b.fails[source]
				}
				return byMetricIn(expr, byMetric), nil
			}
		}
	}
}

func TestAPackGradesWhatChoosesItAndWhatItHasSeen(t *testing.T) {
	b := newBench(t, packsSpec(), "eu")
	targets := []fixture.Row{up("playlist"), up("search"), up("batch"), up("worker")}
	b.answers("eu", map[string][]fixture.Row{"count_values": targets})
	require.ElementsMatch(t, chosen(), b.cards(t, t0), "nothing is detected by the catalog alone")

	b.answers("eu", map[string][]fixture.Row{
		"count_values":        targets,
		"http_requests_total": {calls("playlist"), calls("search"), calls("worker")},
		"queue_depth":         {{Labels: map[string]string{"service": "batch"}, Value: 1}, {Labels: map[string]string{"service": "worker"}, Value: 1}},
	})
	seen := chosen("web/playlist", "web/worker", "queue/worker")
	require.ElementsMatch(t, seen, b.cards(t, t0+60), "those that name packs are not detected for others")

	b.answers("eu", map[string][]fixture.Row{"count_values": targets})
	require.ElementsMatch(t, seen, b.cards(t, t0+120))
	b.fails["eu"] = fixture.ErrNoRoute
	for at := int64(t0 + 180); at < t0+40*60; at += 60 {
		require.ElementsMatch(t, seen, b.cards(t, at), "a scorecard does not go while data are missing")
	}

	// What was detected is in the state and in the ledger: each is enough.
	states := b.States()
	for name, restart := range map[string]func(){
		"with the states":    func() { b.Use(slo.NewLedger(time.Minute), states) },
		"with nothing known": func() { b.Use(slo.NewLedger(time.Minute), nil) },
	} {
		restart()
		want := seen
		if name == "with nothing known" {
			want = chosen()
		}
		require.ElementsMatch(t, want, b.cards(t, t0+41*60), name)
	}
}

func TestTheLedgerDetectsWhereThereIsNoState(t *testing.T) {
	b := newBench(t, packsSpec(), "eu")
	b.answers("eu", map[string][]fixture.Row{"http_requests_total": {calls("playlist")}, "count_values": {up("playlist")}})
	b.tick(t, t0)
	b.fails["eu"] = fixture.ErrNoRoute
	require.ElementsMatch(t, chosen("web/playlist"), b.cards(t, t0+300))
}

// byMetricIn returns the rows of the metric that an expression is about.
func byMetricIn(expr string, byMetric map[string][]fixture.Row) []fixture.Row {
	for metric, rows := range byMetric {
		if strings.Contains(expr, metric) {
			return rows
		}
	}
	return nil
}
