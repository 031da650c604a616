package collector

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
)

func TestADetectedPackOutlivesProcessesAndOutages(t *testing.T) {
	for way, succeed := range successions() {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := fixture.Named("playlist")
				f := spec{Packs: fixture.Availability, Services: fixture.Named("playlist", "search")}
				e := start(t, f, Options{}, source("eu", &fixture.Prometheus{Answer: fixture.SteadyTraffic(seen, 0.1)}))
				e.until(10*time.Minute + 40*time.Second)
				require.Equal(t, []string{"http/playlist", "overall/playlist"}, e.newest())
				if way == "after a restart" {
					e.stop()
				}
				dead := &fixture.Prometheus{Answer: func(string, time.Time) ([]fixture.Row, error) { return nil, fixture.ErrNoRoute }}
				next := succeed(e, t, f, Options{}, source("eu", dead))
				defer next.stop()
				e.until(50 * time.Minute)
				require.Equal(t, []string{"http/playlist", "overall/playlist"}, next.newest())
				for _, c := range next.store.all()[1:] {
					require.Len(t, c.Snapshot.Scorecards, 2, "%s", c.Snapshot.Tick)
				}
			})
		})
	}
}

func TestAPackIsDetectedFromTheFirstTickOnByWhatTheLedgerWasFilledWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := fixture.Named("playlist")
		steady := fixture.SteadyTraffic(seen, 0.1)
		gone := time.Now().Add(-2 * time.Hour)
		answer := func(expr string, at time.Time) ([]fixture.Row, error) {
			if at.After(gone) && !strings.Contains(expr, "count_values") {
				return nil, nil
			}
			return steady(expr, at)
		}
		e := start(t, spec{Packs: fixture.Availability, Services: fixture.Named("playlist", "search")}, Options{}, source("eu", &fixture.Prometheus{Answer: answer}))
		defer e.stop()
		e.until(10*time.Minute + 40*time.Second)
		require.Equal(t, []string{"http/playlist", "overall/playlist"}, e.newest())
	})
}

// newest lists the scorecards of the newest commit as rubric/service.
func (e *engine) newest() []string {
	all := e.store.all()
	var out []string
	for _, card := range all[len(all)-1].Snapshot.Scorecards {
		out = append(out, card.Rubric+"/"+card.Service.ID.Name)
	}
	return out
}
