package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
	"github.com/apgarhq/apgar/store/redisstore/redistest"
)

const (
	tickLength = time.Minute
	leaseTime  = time.Minute
	patience   = 20 * time.Second // for what should happen at once
	pollEvery  = 20 * time.Millisecond
	services   = 130 // about two in every shard
)

// noon is the tick before the first.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// single runs one server and names it as a store needs it.
func single(t testing.TB, options ...redistest.Option) (*redistest.Server, Options) {
	t.Helper()
	server := redistest.Start(t, options...)
	return server, at(server.Addr())
}

// at are the options of a store on one server.
func at(address string) Options { return over(Connection{Addresses: []string{address}}) }

// over are the options of a store that is looked at often, and takes ticks of
// any time.
func over(c Connection) Options {
	return Options{Connection: c, Poll: pollEvery, MostAhead: math.MaxInt64}
}

// unfollowed opens a store that does not follow: it knows what it is told to
// look at.
func unfollowed(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// grader commits to a store, tick after tick, and knows what it has committed.
type grader struct {
	tb    testing.TB
	store *Store
	lease scorecard.Lease
	n     int // of the newest tick that was taken
	pages map[slo.PageKey]slo.Page
}

func newGrader(tb testing.TB, s *Store, owner string) *grader {
	tb.Helper()
	g := &grader{tb: tb, store: s, pages: map[slo.PageKey]slo.Page{}}
	g.acquire(owner)
	return g
}

func (g *grader) acquire(owner string) {
	g.tb.Helper()
	lease, err := g.store.Acquire(g.tb.Context(), owner, leaseTime)
	require.NoError(g.tb, err)
	g.lease = lease
}

func tickOf(n int) time.Time { return noon().Add(time.Duration(n) * tickLength) }

func scoreOf(n int) float64 { return float64(n%100) + 0.5 }

func keyOf(service int) scorecard.Key {
	return scorecard.Key{Service: catalog.ID{Namespace: "default", Name: fmt.Sprintf("service-%03d", service)}, Rubric: "http"}
}

// commit is that of the n-th tick: in it every score is scoreOf(n), two things
// have changed, and so have three pages of the ledger.
func (g *grader) commit(n int) scorecard.Commit {
	snap := &scorecard.Snapshot{Tick: tickOf(n), Interval: tickLength}
	c := scorecard.Commit{Epoch: g.lease.Epoch, Owner: g.lease.Owner, Snapshot: snap, States: map[scorecard.Key]*scorecard.State{}}
	for i := range services {
		score := scoreOf(n)
		card := &scorecard.Scorecard{
			Service: &catalog.Service{ID: keyOf(i).Service, Kind: "component"}, Rubric: "http",
			Status: scorecard.Scored, Score: &score, Coverage: 1, Level: "silver", Grade: "A",
		}
		snap.Scorecards = append(snap.Scorecards, card)
		c.States[card.Key()] = &scorecard.State{LastScore: &score, LastScoredAt: tickOf(n)}
	}
	for i := range 2 {
		c.Changes = append(c.Changes, scorecard.Change{Time: tickOf(n), Kind: scorecard.GradeChanged, Key: keyOf(i), To: fmt.Sprint(n)})
	}
	for _, key := range []slo.PageKey{{Shard: n % slo.Shards, Name: "a"}, {Shard: (n + 7) % slo.Shards, Name: "b"}, {Shard: 5, Name: "head"}} {
		c.Ledger = append(c.Ledger, slo.NewPage(key, fmt.Appendf(nil, "%s of tick %d", key.Name, n)))
	}
	return c
}

// everything makes a commit bring all pages, as it does when the store has
// forgotten some.
func (g *grader) everything(c scorecard.Commit) scorecard.Commit {
	all := maps.Clone(g.pages)
	for _, page := range c.Ledger {
		all[page.PageKey] = page
	}
	c.Ledger = nil
	for _, page := range all {
		c.Ledger = append(c.Ledger, page)
	}
	return c
}

// took notes that a commit was taken.
func (g *grader) took(n int, c scorecard.Commit) {
	g.n = n
	for _, page := range c.Ledger {
		g.pages[page.PageKey] = page
	}
}

// try commits the next tick.
func (g *grader) try(ctx context.Context) error {
	c := g.commit(g.n + 1)
	err := g.store.Commit(ctx, c)
	if err == nil {
		g.took(g.n+1, c)
	}
	return err
}

// take commits the next tick, or ends the test.
func (g *grader) take() {
	g.tb.Helper()
	require.NoError(g.tb, g.try(g.tb.Context()), "commit tick %d", g.n+1)
}

// takeAll does what a collector does: it commits, and again with all pages when
// the store asks for them.
func (g *grader) takeAll() {
	g.tb.Helper()
	if err := g.try(g.tb.Context()); err != nil {
		require.ErrorIs(g.tb, err, scorecard.ErrForgotten)
		g.takeEverything()
	}
}

// takeEverything commits the next tick with all pages.
func (g *grader) takeEverything() {
	g.tb.Helper()
	c := g.everything(g.commit(g.n + 1))
	require.NoError(g.tb, g.store.Commit(g.tb.Context(), c), "commit tick %d with all pages", g.n+1)
	g.took(g.n+1, c)
}

// requireServed says that a store serves the newest commit, whole.
func (g *grader) requireServed(s *Store) {
	g.tb.Helper()
	snap := s.Snapshot()
	require.NotNil(g.tb, snap)
	require.Equal(g.tb, tickOf(g.n), snap.Tick)
	require.NoError(g.tb, whole(snap))
}

// whole says what is wrong with a snapshot of a grader's.
func whole(snap *scorecard.Snapshot) error {
	n := int(snap.Tick.Sub(noon()) / tickLength)
	if len(snap.Scorecards) != services {
		return fmt.Errorf("tick %d has %d scorecards", n, len(snap.Scorecards))
	}
	for _, card := range snap.Scorecards {
		if card.Score == nil || *card.Score != scoreOf(n) {
			return fmt.Errorf("tick %d has another score for %s", n, card.Service.ID)
		}
	}
	return nil
}

// requireStored says that a store that knows nothing yet finds exactly what was
// committed.
func (g *grader) requireStored(o Options) *scorecard.Snapshot {
	g.tb.Helper()
	o.Registerer = nil
	fresh, err := New(o)
	require.NoError(g.tb, err)
	defer func() { require.NoError(g.tb, fresh.Close()) }()
	ctx := g.tb.Context()
	require.NoError(g.tb, fresh.Sync(ctx))
	g.requireServed(fresh)
	states, err := fresh.States(ctx)
	require.NoError(g.tb, err)
	require.Equal(g.tb, g.commit(g.n).States, states)
	pages := map[slo.PageKey]slo.Page{}
	require.NoError(g.tb, fresh.Pages(ctx, nil, func(p slo.Page) error { pages[p.PageKey] = p; return nil }))
	require.Empty(g.tb, differences(g.pages, pages))
	scores, err := fresh.ScoresAt(ctx, tickOf(g.n))
	require.NoError(g.tb, err)
	require.Len(g.tb, scores, services)
	changes, _, err := fresh.Changes(ctx, fresh.Snapshot().LastChange-2, 0)
	require.NoError(g.tb, err)
	require.Len(g.tb, changes, 2)
	require.Equal(g.tb, fmt.Sprint(g.n), changes[1].To)
	return fresh.Snapshot()
}

// eventually polls until a question has no complaint any more.
func eventually(t testing.TB, within time.Duration, question func() error) {
	t.Helper()
	var err error
	if !poll(within, func() bool { err = question(); return err == nil }) {
		require.NoError(t, err, "after %v", within)
	}
}

// poll reports whether something came true in time.
func poll(within time.Duration, truth func() bool) bool {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < within; <-ticker.C {
		if truth() {
			return true
		}
	}
	return truth()
}

// follows says that a store comes to serve what a grader has committed.
func (g *grader) followedBy(s *Store) {
	g.tb.Helper()
	eventually(g.tb, patience, func() error {
		if snap := s.Snapshot(); snap == nil || !snap.Tick.Equal(tickOf(g.n)) {
			return fmt.Errorf("tick %d is not served", g.n)
		}
		return nil
	})
	g.requireServed(s)
}

// withMetrics registers a store's metrics.
func withMetrics(o Options) Options {
	o.Registerer = prometheus.NewPedanticRegistry()
	return o
}

// failed is how many errors of a class an operation has had.
func failed(s *Store, operation string, c class) float64 {
	return testutil.ToFloat64(s.metrics.errors.WithLabelValues(operation, string(c)))
}

// logged is what a store writes to its log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// infoText returns a field of INFO, or "".
func infoText(t testing.TB, server *redistest.Server, section, name string) string {
	t.Helper()
	for line := range strings.Lines(server.Do("INFO", section)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			return value
		}
	}
	return ""
}

// infoField returns a number of INFO.
func infoField(t testing.TB, server *redistest.Server, section, name string) int {
	t.Helper()
	n, err := strconv.Atoi(infoText(t, server, section, name))
	require.NoError(t, err, name)
	return n
}

// isOld reports that a tick has been committed already.
func isOld(err error) bool { return errors.Is(err, scorecard.ErrOldTick) }

// isForgotten reports that all pages are asked for.
func isForgotten(err error) bool { return errors.Is(err, scorecard.ErrForgotten) }

// differences lists the pages that are not in both.
func differences(want, got map[slo.PageKey]slo.Page) (keys []slo.PageKey) {
	for key, page := range want {
		if !reflect.DeepEqual(page, got[key]) {
			keys = append(keys, key)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func makeFolder(path string) error { return os.MkdirAll(path, 0o700) }
