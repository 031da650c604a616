package gather

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/collector/internal/fixture"
	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/internal/demo/promserver/promservertest"
	"github.com/apgarhq/apgar/slo"
)

// server is a replica: a real engine behind what can go wrong with one.
type server struct {
	url string

	mu      sync.Mutex
	data    string    // the URL of the engine
	warning string    // in every answer
	started time.Time // zero: it does not say
	refuses string    // part of the expressions that it does not answer
	queries int
	starts  int // how often it was asked since when it runs
}

func newServer(t *testing.T, load string) *server {
	s := &server{data: promservertest.Load(t, load)}
	listener := httptest.NewServer(s)
	t.Cleanup(listener.Close)
	s.url = listener.URL
	return s
}

func (s *server) change(f func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// asked returns how many queries came since it was called last.
func (s *server) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.queries
	s.queries = 0
	return n
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/runtimeinfo") {
		s.starts++
		if s.started.IsZero() {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"startTime":%q}}`, s.started.UTC().Format(time.RFC3339Nano))
		return
	}
	if !fixture.AboutScrapes(r.Form.Get("query")) {
		s.queries++ // how often targets are scraped is asked once an hour, of no replica in particular
	}
	if s.refuses != "" && strings.Contains(r.Form.Get("query"), s.refuses) {
		http.Error(w, "going away", http.StatusServiceUnavailable)
		return
	}
	resp, err := http.PostForm(s.data+r.URL.Path, r.Form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if s.warning != "" {
		body = bytes.Replace(body, []byte(`{`), []byte(`{"warnings":["`+s.warning+`"],`), 1)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body)
}

const twoChecks = `
rubrics:
  - name: a
    checks:
      - {name: calls, events: {metric: calls_total, bad: '{code="500"}'}, objective: 99%}
      - {name: fds, value: {query: 'max by ($identity) (fds)'}, pass: 1, fail: 2}
`

// queriesOfTwoChecks are those of a tick: calls, fds and targets.
const queriesOfTwoChecks = 3

// loaded has 20 services, of which the first few are there.
func loaded(services int, calls string) string {
	var b strings.Builder
	b.WriteString("load 1m\n")
	for i := range services {
		fmt.Fprintf(&b, "  calls_total{service=\"service-%04d\",code=\"200\"} %s\n", i, calls)
		fmt.Fprintf(&b, "  fds{service=\"service-%04d\"} 0x120\n", i)
		fmt.Fprintf(&b, "  up{service=\"service-%04d\"} 1x120\n", i)
	}
	return b.String()
}

const steady = "0+60x120"

// verdict is one comparison that was heard of.
type verdict struct {
	why   Doubt
	taken bool
}

// pair is a source of two replicas.
type pair struct {
	*asker
	one, two *server
	client   *promapi.Source
	verdicts []verdict
}

func newPair(t *testing.T, one, two string) *pair {
	p := &pair{one: newServer(t, one), two: newServer(t, two)}
	p.client = fixture.Client(t, "", func(o *promapi.Options) { o.Replicas = []string{p.one.url, p.two.url} })
	g := New(spec{Services: fixture.Numbered(20), Rubrics: twoChecks}.plan(t), []Source{{Name: "eu", Client: p.client}}, Heard{
		Compared: func(_ string, why Doubt, taken bool) { p.verdicts = append(p.verdicts, verdict{why, taken}) },
	})
	p.asker = g.askers[0]
	return p
}

// tick asks about a minute and returns what came of it.
func (p *pair) tick(t *testing.T, minute int) *slo.Block {
	t.Helper()
	return p.ask(t.Context(), question.Instant(int64(minute)*60), nil)[0]
}

func (p *pair) preferred() int {
	_, n := p.client.Replicas()
	return n
}

func faultless(t *testing.T, b *slo.Block) {
	t.Helper()
	require.Zero(t, faults(b))
	require.True(t, b.Columns[0].Asked)
}

func TestTheOtherReplicaIsLeftAloneWhileAllIsWell(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	p.one.started = time.Unix(-3600, 0)
	for minute := 10; minute < 30; minute++ {
		faultless(t, p.tick(t, minute))
		require.Equal(t, queriesOfTwoChecks, p.one.asked())
	}
	require.Zero(t, p.two.asked())
	require.Equal(t, 20, p.one.starts, "one cheap question for each tick")
	require.Zero(t, p.two.starts)
	require.Empty(t, p.verdicts)
}

func TestAReplicaThatDoesNotSayWhenItStartedIsNotAskedAgain(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	for minute := 10; minute < 20; minute++ {
		faultless(t, p.tick(t, minute))
	}
	require.Equal(t, 1, p.one.starts)
	require.Equal(t, promapi.StateOK, p.client.Status().State)
}

func TestAReplicaThatWarnsGivesWayToOneThatDoesNot(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	faultless(t, p.tick(t, 10))
	p.one.change(func(s *server) { s.warning = "a store is away" })
	b := p.tick(t, 11)
	faultless(t, b)
	require.Len(t, b.Columns[0].Rows, 20)
	require.Equal(t, 2*queriesOfTwoChecks, b.Cost.Queries, "both were asked")
	require.Zero(t, b.Cost.Failed, "and each question was answered")
	require.Equal(t, queriesOfTwoChecks, p.two.asked())
	require.Equal(t, []verdict{{DoubtWarning, true}}, p.verdicts)
	require.Equal(t, p.two.url, p.client.Status().Replica)

	p.one.asked()
	for minute := 12; minute < 20; minute++ {
		faultless(t, p.tick(t, minute))
	}
	require.Zero(t, p.one.asked(), "sticky")
	require.Len(t, p.verdicts, 1)
}

func TestAReplicaThatLostRowsGivesWayToOneThatDidNot(t *testing.T) {
	for _, tt := range []struct {
		name     string
		left     int
		verdicts []verdict
		rows     int
	}{
		{"a fifth", 16, []verdict{{DoubtRows, true}}, 20},
		{"a tenth is not more than that", 18, nil, 18},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, loaded(20, steady), loaded(20, steady))
			p.tick(t, 10)
			fewer := promservertest.Load(t, loaded(tt.left, steady))
			p.one.change(func(s *server) { s.data = fewer })
			b := p.tick(t, 11)
			require.Len(t, b.Columns[0].Rows, tt.rows)
			require.Len(t, b.Columns[1].Rows, tt.rows)
			require.Equal(t, tt.rows, targetsUp(b))
			require.Equal(t, tt.verdicts, p.verdicts)
		})
	}
}

func TestRowsThatAreGoneEverywhereAreLookedForOnce(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(16, steady))
	p.tick(t, 10)
	fewer := promservertest.Load(t, loaded(16, steady))
	p.one.change(func(s *server) { s.data = fewer })
	for minute := 11; minute < 15; minute++ {
		require.Len(t, p.tick(t, minute).Columns[0].Rows, 16)
	}
	require.Equal(t, []verdict{{DoubtRows, false}}, p.verdicts)
	require.Equal(t, 1, p.preferred())
}

func TestRowsThatGoLittleByLittleAreMissedAsWell(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	for i, left := range []int{20, 19, 18, 17} {
		fewer := promservertest.Load(t, loaded(left, steady))
		p.one.change(func(s *server) { s.data = fewer })
		p.tick(t, 10+i)
	}
	require.Equal(t, []verdict{{DoubtRows, true}}, p.verdicts)
}

// lostTenMinutes was away from the 31st minute to the 40th.
const lostTenMinutes = "0+60x30 _x10 2460+60x79"

func TestAReplicaThatRestartedGivesWayToOneThatDidNot(t *testing.T) {
	p := newPair(t, loaded(20, lostTenMinutes), loaded(20, steady))
	p.one.started = time.Unix(-3600, 0)
	p.tick(t, 30)
	p.one.change(func(s *server) { s.started = time.Unix(40*60, 0) })
	b := p.tick(t, 43)
	faultless(t, b)
	for _, r := range b.Columns[0].Rows {
		require.InDelta(t, 300, r.Counts.Total, 1)
	}
	require.Equal(t, []verdict{{DoubtRestart, true}}, p.verdicts)
	require.Equal(t, 2, p.preferred())
}

func TestARestartThatLostNothingIsLookedIntoOnce(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	p.one.started = time.Unix(40*60+2, 0)
	for minute := 40; minute < 50; minute++ {
		faultless(t, p.tick(t, minute))
	}
	require.Equal(t, []verdict{{DoubtRestart, false}}, p.verdicts)
	require.Equal(t, 1, p.preferred())
}

func TestALittleMoreIsNoReasonToChange(t *testing.T) {
	for two, taken := range map[string]bool{"0+60.3x120": false, "0+61.2x120": true} {
		p := newPair(t, loaded(20, steady), loaded(20, two))
		p.one.started = time.Unix(40*60, 0)
		faultless(t, p.tick(t, 41))
		require.Equal(t, []verdict{{DoubtRestart, taken}}, p.verdicts, two)
	}
}

func TestReplicasThatAreBothBrokenAreNotAskedTwiceForLong(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	for _, s := range []*server{p.one, p.two} {
		s.warning = "a store is away"
	}
	for minute := 10; minute < 110; minute++ {
		b := p.tick(t, minute)
		require.Equal(t, slo.Partial, b.Columns[0].Fault.Reason)
	}
	require.Equal(t, 100*queriesOfTwoChecks, p.one.asked(), "sticky")
	require.LessOrEqual(t, p.two.asked(), (100/10+compareBurst)*queriesOfTwoChecks)
	require.GreaterOrEqual(t, len(p.verdicts), 100/10, "what has healed is found again")
	require.NotContains(t, p.verdicts, verdict{DoubtWarning, true})

	p.two.change(func(s *server) { s.warning = "" })
	minute := 110
	for ; p.preferred() == 1; minute++ {
		p.tick(t, minute)
	}
	require.LessOrEqual(t, minute, 121)
}

func TestWhenNobodyAnswersTheFaultsStand(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	for _, s := range []*server{p.one, p.two} {
		s.refuses = "_"
	}
	b := p.tick(t, 10)
	require.Equal(t, slo.SourceError, b.Columns[0].Fault.Reason)
	require.Equal(t, slo.SourceError, b.Targets[0].Fault.Reason)
}

// A replica that dies in the middle of a tick leaves no answers of its own
// among those of the other: they would not agree.
func TestNoBlockIsPutTogetherFromTwoReplicas(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, "0+120x120"))
	p.one.refuses = "count_values"
	b := p.tick(t, 10)
	faultless(t, b)
	for _, r := range b.Columns[0].Rows {
		require.InDelta(t, 600, r.Counts.Total, 1, "the other's")
	}
	require.Equal(t, 2, p.preferred())
	require.Equal(t, queriesOfTwoChecks, p.two.asked())
}

func TestEachInstantOfThePastIsTakenFromOneReplica(t *testing.T) {
	past := question.Span{Start: 20 * 60, Step: 300, N: 9} // to the 60th minute
	for name, tt := range map[string]struct {
		one, two string
		started  time.Time
		taken    bool
		why      Doubt
	}{
		"the preferred one restarted":  {lostTenMinutes, steady, time.Unix(40*60, 0), true, DoubtRestart},
		"it does not say so":           {lostTenMinutes, steady, time.Time{}, true, DoubtRows},
		"the other one has less still": {lostTenMinutes, "0+60x30 _x20 3060+60x69", time.Unix(40*60, 0), false, DoubtRestart},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, loaded(20, tt.one), loaded(20, tt.two))
			p.one.started = tt.started
			blocks := p.ask(t.Context(), past, nil)
			require.Equal(t, []verdict{{tt.why, tt.taken}}, p.verdicts)
			require.Equal(t, 1, p.preferred(), "the past says nothing about now")
			if !tt.taken {
				return
			}
			for _, b := range blocks {
				require.Len(t, b.Columns[0].Rows, 20)
				for _, r := range b.Columns[0].Rows {
					require.InDelta(t, 300, r.Counts.Total, 1, "at %s", b.Time)
				}
			}
		})
	}
}

func TestOneSlotOfThePastSaysNothingAboutNowEither(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	p.one.change(func(s *server) { s.warning = "a block is missing" })
	b := p.ask(t.Context(), question.Span{Start: 20 * 60, Step: 300, N: 1}, nil)[0]
	faultless(t, b)
	require.Equal(t, []verdict{{DoubtWarning, true}}, p.verdicts)
	require.Equal(t, 1, p.preferred())
}

func TestThePastIsAskedOfOneReplicaWhereNothingIsMissing(t *testing.T) {
	p := newPair(t, loaded(20, steady), loaded(20, steady))
	p.one.started = time.Unix(10*60, 0) // before the span
	p.ask(t.Context(), question.Span{Start: 20 * 60, Step: 300, N: 9}, nil)
	require.Zero(t, p.two.asked())
}
