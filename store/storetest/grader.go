package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

const (
	// ttl is long enough for any case, and brief is short enough to wait for.
	ttl   = time.Minute
	brief = 300 * time.Millisecond

	interval = time.Minute
	// patience is how long a case waits for what should happen at once.
	patience = 20 * time.Second
)

// noon is the first tick of most cases: the end of an hour.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// grader commits to a store under a lease of its own.
type grader struct {
	tb    testing.TB
	store Store
	lease scorecard.Lease
}

func newGrader(tb testing.TB, s Store, owner string) *grader {
	tb.Helper()
	lease, err := s.Acquire(tb.Context(), owner, ttl)
	require.NoError(tb, err, "acquire a lease")
	return &grader{tb: tb, store: s, lease: lease}
}

// commit is the commit of one tick by the grader, which has a state for every
// scorecard.
func (g *grader) commit(tick time.Time, cards ...*scorecard.Scorecard) scorecard.Commit {
	states := make(map[scorecard.Key]*scorecard.State, len(cards))
	for _, c := range cards {
		states[c.Key()] = &scorecard.State{
			LastScore:    c.Score,
			LastScoredAt: tick,
			Checks: map[string]scorecard.CheckState{"availability": {
				Hash: "9f2c41d07a3e", Verdict: scorecard.Fail, Reason: "burning_fast", Since: tick,
				Firing: []scorecard.FiringPair{{Long: time.Hour, Short: 5 * time.Minute}},
			}},
		}
	}
	return scorecard.Commit{
		Epoch:    g.lease.Epoch,
		Owner:    g.lease.Owner,
		Snapshot: &scorecard.Snapshot{Tick: tick, Interval: interval, Scorecards: cards},
		States:   states,
	}
}

// take has the store take a tick, or ends the case.
func (g *grader) take(tick time.Time, cards ...*scorecard.Scorecard) {
	g.tb.Helper()
	require.NoError(g.tb, g.store.Commit(g.tb.Context(), g.commit(tick, cards...)), "commit tick %s", tick)
}

// takeChanges has the store take a tick with n changes.
func (g *grader) takeChanges(tick time.Time, n int) {
	g.tb.Helper()
	c := g.commit(tick, card("playlist", 90))
	for range n {
		c.Changes = append(c.Changes, scorecard.Change{
			Time: tick, Kind: scorecard.VerdictChanged, Key: key("playlist"),
			Check: "availability", From: "pass", To: "fail",
		})
	}
	require.NoError(g.tb, g.store.Commit(g.tb.Context(), c), "commit tick %s with %d changes", tick, n)
}

func key(service string) scorecard.Key {
	return scorecard.Key{Rubric: "http", Service: catalog.ID{Namespace: "default", Name: service}}
}

// card is a scorecard with a score.
func card(service string, score float64) *scorecard.Scorecard {
	c := unknown(service)
	c.Status, c.Score, c.Coverage, c.Level = scorecard.Scored, &score, 1, "bronze"
	return c
}

// unknown is a scorecard without a score.
func unknown(service string) *scorecard.Scorecard {
	k := key(service)
	return &scorecard.Scorecard{
		Rubric: k.Rubric, Service: &catalog.Service{ID: k.Service},
		Status: scorecard.Unknown, Coverage: 0.25,
	}
}

// within is a context for what should happen at once.
func within(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	tb.Cleanup(cancel)
	return ctx
}

// scores returns the scores of a snapshot by service; an unknown one is -1.
func scores(s *scorecard.Snapshot) map[string]float64 {
	byService := map[string]float64{}
	for _, c := range s.Scorecards {
		byService[c.Service.ID.Name] = -1
		if c.Score != nil {
			byService[c.Service.ID.Name] = *c.Score
		}
	}
	return byService
}

// contents is all that can be read of a store, to see whether it has changed.
type contents struct {
	generation uint64
	epoch      uint64
	tick       time.Time
	scores     map[string]float64
	states     map[scorecard.Key]*scorecard.State
	changes    []scorecard.Change
	history    []scorecard.HistoryPoint
}

// read reads the whole store; history is that of the service playlist.
func read(tb testing.TB, s Store) contents {
	tb.Helper()
	var (
		c   contents
		err error
	)
	c.states, err = s.States(tb.Context())
	require.NoError(tb, err, "read the states")
	c.changes, _, err = s.Changes(tb.Context(), 0, 0)
	require.NoError(tb, err, "read the changes")
	if snapshot := s.Snapshot(); snapshot != nil {
		c.generation, c.epoch, c.tick, c.scores = snapshot.Generation, snapshot.Epoch, snapshot.Tick, scores(snapshot)
		c.history, err = s.History(tb.Context(), key("playlist"), time.Time{}, c.tick.Add(time.Hour), 0)
		require.NoError(tb, err, "read the history")
	}
	return c
}
