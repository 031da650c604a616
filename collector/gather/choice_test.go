package gather

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// couple is two replicas without a network.
type couple struct {
	replicas  [2]*fixture.Prometheus
	warns     bool // the first one
	preferred int
	hangs     bool // where it is asked since when it runs
	starts    int
}

func (w *couple) Status() promapi.Status { return promapi.Status{State: promapi.StateOK} }

func (w *couple) Query(ctx context.Context, q promapi.Query, sink promapi.Sink) (promapi.Report, error) {
	number := q.Only
	if number == 0 {
		number = w.preferred
	}
	report, err := w.replicas[number-1].Query(ctx, q, sink)
	report.Number = number
	if number == 1 && w.warns {
		report.Warnings = []string{"a store is away"}
	}
	if err != nil {
		err = &promapi.Error{Kind: promapi.KindTimeout, Source: "eu", Op: "query", Detail: err.Error()}
	}
	return report, err
}

func (w *couple) QueryRange(context.Context, promapi.RangeQuery, promapi.Sink) (promapi.Report, error) {
	return promapi.Report{}, fixture.ErrNoRoute
}

func (w *couple) Replicas() (n, preferred int) { return 2, w.preferred }
func (w *couple) Prefer(number int)            { w.preferred = number }

func (w *couple) StartTime(ctx context.Context, _ int) (time.Time, error) {
	w.starts++
	if w.hangs {
		<-ctx.Done()
		return time.Time{}, &promapi.Error{Kind: promapi.KindTimeout}
	}
	return time.Time{}, &promapi.Error{Kind: promapi.KindNotPrometheus}
}

// answersSteadily has both replicas say the same.
func (w *couple) answersSteadily(services []*catalog.Service) {
	for i := range w.replicas {
		w.replicas[i] = &fixture.Prometheus{Answer: fixture.SteadyTraffic(services, 1)}
	}
}

func TestNotEveryTickWaitsForAReplicaThatDoesNotSaySinceWhenItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Numbered(20)
		w := &couple{preferred: 1, hangs: true}
		w.answersSteadily(services)
		a := newAsker(Source{Name: "eu", Client: w}, spec{Services: services, Rubrics: fixture.FourKinds}.plan(t))
		var waited time.Duration
		for minute := range int64(10) {
			started := time.Now()
			faultless(t, a.ask(t.Context(), question.Instant(600+60*minute), nil)[0])
			waited += time.Since(started)
			<-time.After(time.Minute - time.Since(started))
		}
		require.Equal(t, 2, w.starts)
		require.Equal(t, 2*otherTime, waited)
	})
}

func TestWhatIsThereDoesNotWaitLongForAnotherReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		services := fixture.Numbered(20)
		w := &couple{preferred: 1, warns: true}
		w.answersSteadily(services)
		w.replicas[1].HoldBack(fixture.After(time.Hour))
		a := newAsker(Source{Name: "eu", Client: w}, spec{Services: services, Rubrics: fixture.FourKinds}.plan(t))
		started := time.Now()
		b := a.ask(t.Context(), question.Instant(600), nil)[0]
		require.Equal(t, otherTime, time.Since(started))
		require.Equal(t, slo.Partial, b.Columns[0].Fault.Reason, "the first one's own fault")
		require.Equal(t, 1, w.preferred)
		require.Equal(t, otherTime, b.Cost.Duration)
	})
}
