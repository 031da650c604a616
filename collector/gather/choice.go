package gather

import (
	"context"
	"sync"
	"time"

	"github.com/apgarhq/apgar/collector/promapi"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

const (
	// compareShare is how many comparisons of replicas for one doubt each asking
	// earns: what is wrong with both for good costs a source so much more.
	compareShare = 0.1
	// compareBurst is how many may follow each other.
	compareBurst = 3
	// startMemory is how long a replica that does not say since when it runs is
	// not asked for it again.
	startMemory = time.Hour
	slotSeconds = int64(slo.SlotLength / time.Second)
)

// choice is what an asker knows about the replicas of its source. It is safe for
// concurrent use.
type choice struct {
	plan     *question.Plan
	replicas Replicas
	compared func(why Doubt, taken bool)

	mu     sync.Mutex
	funds  map[fund]float64
	known  map[int]*replicaMemory // by number
	latest int                    // the number of the replica that was compared last
}

// fund is what comparisons are paid from: each doubt has one for ticks and one
// for the past, so that none of them keeps another from being looked into.
type fund struct {
	why  Doubt
	past bool
}

// replicaMemory is what is remembered of one replica.
type replicaMemory struct {
	rows       map[rowsPlace]rowMemory
	started    time.Time // its process; zero: not known
	askedStart time.Time // when it was asked for that
	noStart    bool      // it does not say
	hangs      bool      // it did not answer at all
	cleared    time.Time // the start after which it was found to have lost nothing
}

// rowMemory is the most rows of the answers of the last five minutes.
type rowMemory struct {
	rows int
	at   int64
}

func newChoice(r Replicas, plan *question.Plan) *choice {
	c := &choice{
		plan: plan, replicas: r, compared: func(Doubt, bool) {}, funds: map[fund]float64{}, known: map[int]*replicaMemory{},
	}
	for _, why := range Doubts() {
		c.funds[fund{why, false}], c.funds[fund{why, true}] = compareBurst, compareBurst
	}
	return c
}

// earn is called once for each asking.
func (c *choice) earn(s question.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, why := range Doubts() {
		f := fund{why, s.Past()}
		c.funds[f] = min(compareBurst, c.funds[f]+compareShare)
	}
}

// spend takes one comparison out of the fund of a doubt, if there is one in it.
func (c *choice) spend(s question.Span, why Doubt) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := fund{why, s.Past()}
	if c.funds[f] < 1 {
		return false
	}
	c.funds[f]--
	return true
}

// afford takes a comparison for the first of some doubts that has one left, and
// returns which that is, or "".
func (c *choice) afford(s question.Span, doubts []Doubt) Doubt {
	for _, why := range doubts {
		if c.spend(s, why) {
			return why
		}
	}
	return ""
}

// next is the number of the replica to compare one with: each of the others in
// turn.
func (c *choice) next(number int) int {
	n, _ := c.replicas.Replicas()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.latest%n + 1
	if next == number {
		next = next%n + 1
	}
	c.latest = next
	return next
}

// memory is what is remembered of a replica. The caller holds the lock.
func (c *choice) memory(number int) *replicaMemory {
	m := c.known[number]
	if m == nil {
		m = &replicaMemory{rows: map[rowsPlace]rowMemory{}}
		c.known[number] = m
	}
	return m
}

// watch asks the preferred replica, beside all else, since when it runs, and
// delivers its number if that is since so lately that it may lack some of a
// span, otherwise 0. Askings about the past make do with what a tick has learned.
func (c *choice) watch(ctx context.Context, s question.Span) <-chan int {
	out := make(chan int, 1)
	_, number := c.replicas.Replicas()
	c.mu.Lock()
	m := c.memory(number)
	age := time.Since(m.askedStart)
	due := m.askedStart.IsZero() || age >= m.startAfter(s)
	if due {
		m.askedStart = time.Now()
	}
	c.mu.Unlock()
	go func() {
		if due {
			limited, cancel := context.WithTimeout(ctx, otherTime)
			defer cancel()
			started, err := c.replicas.StartTime(limited, number)
			c.learnStart(m, started, err)
		}
		if !c.lacksSome(m, s) {
			number = 0
		}
		out <- number
	}()
	return out
}

// startAfter is how long after it was asked a replica is asked again since when it
// runs.
func (m *replicaMemory) startAfter(s question.Span) time.Duration {
	switch {
	case m.noStart:
		return startMemory
	case m.hangs || s.Past():
		return slo.SlotLength // a tick waits for the answer
	}
	return 0
}

// learnStart remembers since when a replica runs. What could not be learned for
// now is asked again with the next tick; what was said before stands.
func (c *choice) learnStart(m *replicaMemory, started time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.hangs = promapi.KindOf(err) == promapi.KindTimeout || promapi.KindOf(err) == promapi.KindCanceled
	switch {
	case err == nil:
		m.started, m.noStart = started, false
	case !isGone(err) || promapi.KindOf(err) == promapi.KindNotPrometheus || promapi.KindOf(err) == promapi.KindUnauthorized:
		m.noStart = true
	}
}

// lacksSome reports whether a replica began within the slot of an instant of a
// span, or so soon after it that it may have been away in it.
func (c *choice) lacksSome(m *replicaMemory, s question.Span) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	started := m.started.Unix()
	if m.started.IsZero() || !s.Past() && m.started.Equal(m.cleared) {
		return false
	}
	return started > s.Start-slotSeconds && started <= s.Last()+slotSeconds
}
