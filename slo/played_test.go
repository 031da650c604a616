package slo

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
)

// played is a random history that is entered into several ledgers alike.
type played struct {
	ledgers []*Ledger
	random  *rand.Rand
	now     int64
}

var (
	playedServices = append(sameShard(2), "shop/search")
	playedSLIs     = []string{"availability", "latency"}
	playedCells    = []CellKey{{"eu", "eu"}, {"us", "a"}, {"us", "b"}}
)

const playedGauge = "saturation"

func newPlayed(seed uint64, ledgers ...*Ledger) *played {
	p := &played{ledgers: ledgers, random: rand.New(rand.NewPCG(seed, 9)), now: noon + int64(seed%288)*300}
	for _, l := range ledgers {
		p.declare(l)
	}
	return p
}

// playedSLIsOf returns what is asked of a service: the first has no gauge.
func playedSLIsOf(service string) []string {
	if service == playedServices[0] {
		return playedSLIs
	}
	return append(slices.Clip(playedSLIs), playedGauge)
}

// declare makes the series, as a grader does when it starts.
func (p *played) declare(l *Ledger) {
	for _, service := range playedServices {
		for _, sli := range playedSLIsOf(service) {
			l.Series(sli, service)
		}
	}
	l.Series(playedSLIs[0], playedServices[2]).Declared = []string{"us"}
}

func (p *played) round(at int64) *Round {
	r := &Round{Time: at, Failed: map[string]*Fault{}, NoTargets: map[string]bool{}, Witnesses: map[CellKey]bool{}}
	for _, c := range playedCells {
		r.Witnesses[c] = p.random.IntN(8) > 0
	}
	if p.random.IntN(12) == 0 {
		r.Failed["us"] = &Fault{Reason: SourceError, Detail: fmt.Sprint("no answer at ", at)}
		r.NoTargets["us"] = true
	}
	return r
}

func (p *played) answers(gauge bool) []Answer {
	var answers []Answer
	for _, c := range playedCells {
		a := Answer{Cell: c, Identity: p.random.IntN(2), Up: int32(p.random.IntN(4)), Down: int32(p.random.IntN(2))}
		switch kind := p.random.IntN(12); {
		case kind == 0:
			continue
		case kind == 1:
			a.Fault = &Fault{Reason: Partial, Detail: "cut"}
		case kind == 2:
			a.Row = false
		case gauge:
			a.Row, a.Value = true, p.random.NormFloat64()
		default:
			a.Row = true
			a.Counts.Total = p.random.Float64() * 1000
			if kind < 5 {
				a.Counts.Bad = a.Counts.Total * p.random.Float64()
			}
			if kind == 3 {
				a.Born = 3 * p.random.Float64()
			}
		}
		answers = append(answers, a)
	}
	return answers
}

// enter enters a round of an SLI into all ledgers, and returns an error when
// they do not agree on what became of it.
func (p *played) enter(sli string, tick, slot bool, at int64) error {
	r := p.round(at)
	for _, service := range playedServices {
		if p.random.IntN(10) == 0 || !slices.Contains(playedSLIsOf(service), sli) {
			continue
		}
		answers := p.answers(sli == playedGauge)
		var lent []CellKey
		if sli == playedGauge && p.random.IntN(2) == 0 {
			lent = playedCells[p.random.IntN(len(playedCells)):]
		}
		outcomes := map[Outcome]bool{}
		for _, l := range p.ledgers {
			s := l.Series(sli, service)
			if len(lent) > 0 && s.Borrows(at) {
				s.Lend(at, lent)
			}
			if tick {
				s.AddTick(r, answers)
			}
			if slot {
				outcomes[s.AddSlot(r, answers)] = true
			}
		}
		if len(outcomes) > 1 {
			return fmt.Errorf("slot %d of %s of %s came to %v", at, sli, service, outcomes)
		}
	}
	return nil
}

// pass lets time pass, by a tick.
func (p *played) pass(seconds int64) error {
	p.now = p.now/seconds*seconds + seconds
	boundary := p.now%slotSeconds == 0
	for _, sli := range playedSLIs {
		if sli != "latency" || boundary { // an SLI with an interval of its own
			if err := p.enter(sli, true, boundary, p.now); err != nil {
				return err
			}
		}
	}
	return p.enter(playedGauge, true, false, p.now)
}

// past enters slots of the past, newest first.
func (p *played) past(from int64, slots int) error {
	for i := range int64(slots) {
		for _, sli := range playedSLIs {
			if err := p.enter(sli, false, true, floorTo(from, slotSeconds)-i*slotSeconds); err != nil {
				return err
			}
		}
	}
	return nil
}

// play plays one operation.
func (p *played) play() error {
	repeat := func(n int, seconds int64) error {
		for range n {
			if err := p.pass(seconds); err != nil {
				return err
			}
		}
		return nil
	}
	switch p.random.IntN(8) {
	case 0, 1:
		return repeat(1+p.random.IntN(40), 60)
	case 2:
		return repeat(1+p.random.IntN(300), slotSeconds)
	case 3: // a short outage
		p.now += p.random.Int64N(4 * hourSeconds)
		return p.pass(60)
	case 4: // a long one
		p.now += p.random.Int64N(40 * daySeconds)
		return p.pass(60)
	case 5: // asked again
		return p.past(p.now, 3)
	case 6: // of late
		return p.past(p.now-p.random.Int64N(5*daySeconds), 1+p.random.IntN(40))
	}
	return p.past(p.now-p.random.Int64N(45*daySeconds), 1+p.random.IntN(200)) // long ago
}

var playedWindows = []time.Duration{
	window5m, window30m, window1h, 10 * time.Minute, 85 * time.Minute, window2h, window6h, day, 3 * day, 84 * time.Hour, 7 * day, 30 * day, 35 * day,
}

// seen is everything that can be seen of a ledger from outside.
func seen(l *Ledger, now int64) map[string]any {
	all := map[string]any{}
	for _, service := range playedServices {
		for _, sli := range playedSLIsOf(service) {
			s := l.Series(sli, service)
			for _, at := range []int64{now, floorTo(now, slotSeconds)} {
				all[fmt.Sprint(sli, service, at)] = s.Facts(at, grace, playedWindows)
			}
			for _, c := range playedCells {
				identity, known := s.Identity(c)
				all[fmt.Sprint(sli, service, c)] = [2]any{identity, known}
			}
		}
	}
	return all
}

func requireSame(t require.TestingT, a, b *Ledger, now int64) {
	pages, other := written(a), written(b)
	require.Equal(t, slices.Sorted(maps.Keys(names(pages))), slices.Sorted(maps.Keys(names(other))))
	for key, data := range pages {
		require.True(t, data == other[key], "page %v differs", key)
	}
	one, two := seen(a, now), seen(b, now)
	if !reflect.DeepEqual(one, two) {
		require.Equal(t, one, two)
	}
}

func names(pages map[PageKey]string) map[string]bool {
	set := map[string]bool{}
	for key := range pages {
		set[fmt.Sprintf("%02d %s", key.Shard, key.Name)] = true
	}
	return set
}

// sameShard returns services of one shard.
func sameShard(n int) []string {
	var services []string
	for i := 0; len(services) < n; i++ {
		if name := fmt.Sprint("shop/", i); ShardOf(name) == 7 {
			services = append(services, name)
		}
	}
	return services
}
