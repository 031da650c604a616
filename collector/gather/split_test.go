package gather

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// narrow is a Prometheus that takes questions about a few services only.
func narrow(t *testing.T, services []*catalog.Service, most int) *fixture.Prometheus {
	steady := fixture.SteadyTraffic(services, 0.1)
	return &fixture.Prometheus{Answer: func(expr string, at time.Time) ([]fixture.Row, error) {
		rows, _ := steady(expr, at)
		matcher := serviceMatcher(t, expr)
		var out []fixture.Row
		found := map[string]bool{}
		for _, r := range rows {
			if name := r.Labels["service"]; matcher == nil || matcher.Matches(name) {
				out = append(out, r)
				found[name] = true
			}
		}
		if len(found) > most {
			return nil, &promapi.Error{Kind: promapi.KindTooManySamples, Source: "eu", Op: "query", Detail: "too many samples"}
		}
		return out, nil
	}}
}

func serviceMatcher(t *testing.T, expr string) *labels.Matcher {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err)
	for _, matchers := range parser.ExtractSelectors(tree) {
		for _, m := range matchers {
			if m.Name == "service" {
				return m
			}
		}
	}
	return nil
}

func TestAQueryThatIsTooLargeIsAskedInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Numbered(100)
		p := spec{Rubrics: fixture.Availability, Services: services}.plan(t)
		whole := newAsker(Source{Name: "eu", Client: narrow(t, services, 1000)}, p).ask(t.Context(), question.Instant(600), nil)[0]
		prom := narrow(t, services, 30)
		a := newAsker(Source{Name: "eu", Client: prom}, p)
		ask := func() (*slo.Block, int) {
			before := len(prom.Askings())
			b := a.ask(t.Context(), question.Instant(600), nil)[0]
			return b, len(prom.Askings()) - before
		}
		b, asked := ask()
		require.Equal(t, whole.Columns, b.Columns)
		require.Equal(t, whole.Targets, b.Targets)
		require.Equal(t, 2*(1+2+4), asked, "halves, and halves of halves")

		_, asked = ask()
		require.Equal(t, 2*4, asked, "what was learnt is remembered")
		a.ask(t.Context(), question.Span{Start: 600, Step: 60, N: 2}, nil)
		_, asked = ask()
		require.Equal(t, 2*4, asked)

		<-time.After(time.Hour)
		b, asked = ask()
		require.Equal(t, 2*(1+2+4), asked, "and tried again in one piece after an hour")
		require.Equal(t, whole.Columns, b.Columns)
	})
}

func TestASourceThatAnswersNothingIsNotAskedManyQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Numbered(100)
		p := spec{Rubrics: fixture.Availability, Services: services}.plan(t)
		prom := narrow(t, services, 0)
		a := newAsker(Source{Name: "eu", Client: prom}, p)
		b := a.ask(t.Context(), question.Instant(600), nil)[0]
		require.Equal(t, slo.SourceError, b.Columns[0].Fault.Reason)
		require.Contains(t, b.Columns[0].Fault.Detail, "too many samples")
		require.LessOrEqual(t, len(prom.Askings()), 2*8)
		before := len(prom.Askings())
		a.ask(t.Context(), question.Instant(660), nil)
		require.Equal(t, 2, len(prom.Askings())-before, "left whole for a while")
	})
}

func TestAnAuthorsQueryIsNotCut(t *testing.T) {
	services := fixture.Numbered(10)
	p := spec{Rubrics: fixture.OneCheck(fixture.GaugeCheck), Services: services}.plan(t)
	prom := &fixture.Prometheus{Answer: func(expr string, _ time.Time) ([]fixture.Row, error) {
		if strings.Contains(expr, "fds") {
			return nil, &promapi.Error{Kind: promapi.KindTooManySamples}
		}
		return nil, nil
	}}
	b := newAsker(Source{Name: "eu", Client: prom}, p).ask(t.Context(), question.Instant(600), nil)[0]
	require.Equal(t, slo.SourceError, b.Columns[0].Fault.Reason)
	require.Len(t, prom.Askings(), 2)
}

func TestPiecesCoverEachServiceOnce(t *testing.T) {
	services := fixture.Numbered(37)
	p := spec{Rubrics: fixture.Availability, Services: services}.plan(t)
	queries := p.Queries(question.Dialect{})
	key := splitKey{&queries[0], false}
	var m splitMemories
	// Several askings at once cut the same pieces.
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			halves, ok := m.cut(p, key, question.Piece{}, mostPieces)
			for i := 0; ok && i < 2; i++ {
				m.cut(p, key, halves[i], mostPieces)
			}
		})
	}
	wait.Wait()
	seen := map[string]int{}
	for _, k := range m.pieces(key) {
		matcher := serviceMatcher(t, k.In(&queries[0]))
		for _, s := range services {
			if matcher.Matches(s.ID.Name) {
				seen[s.ID.Name]++
			}
		}
	}
	require.Len(t, seen, 37)
	for name, n := range seen {
		require.Equal(t, 1, n, name)
	}
}

func TestAQueryThatTakesASourceTooLongIsAskedInAFewPieces(t *testing.T) {
	services := fixture.Numbered(1000)
	tests := []struct {
		name  string
		body  string
		asked int // of each query
	}{
		{"the source gave up", `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, mostSlow},
		{"the source is busy", `{"status":"error","errorType":"timeout","error":"query timed out in query queue"}`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte(tt.body))
			}))
			t.Cleanup(server.Close)
			a := newAsker(Source{Name: "eu", Client: fixture.Client(t, server.URL)}, spec{Rubrics: fixture.Availability, Services: services}.plan(t))
			b := a.ask(t.Context(), question.Instant(600), nil)[0]
			require.Equal(t, slo.SourceError, b.Columns[0].Fault.Reason)
			require.EqualValues(t, 3*tt.asked, asked.Load(), "events, targets and scrapes")
		})
	}
}
