package gather

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// pace is what was measured of how often targets are scraped, as of one hour. It
// is immutable. A nil pace says that nobody is scraped too seldom.
type pace struct {
	slow     map[paced]float64 // scrapes in a tile, of those scraped too seldom
	measured map[int32]bool    // services; wholeCell for any cell
	suspects []bool            // by place of a service: whether it is slow in some cell; those behind are not
	cells    bool              // whole cells are slow
}

// paced is whose targets were measured.
type paced struct {
	identity int
	service  int32 // or wholeCell
	cell     string
}

// wholeCell stands for all services of a cell.
const wholeCell = -1

// How long a tick waits to learn how often targets are scraped, and after which
// time that is asked for again when it failed.
const (
	pacePatience = 10 * time.Second
	paceRetry    = int64(slo.SlotLength / time.Second)
)

// paceMemory remembers the newest measurements of a source. It is safe for
// concurrent use.
type paceMemory struct {
	mu     sync.Mutex
	known  map[int64]*pace // by hour
	failed int64           // the newest instant at which measuring failed; 0: never
}

// at returns the measurement for an hour, and whether it is to be made: then the
// newest before it stands in.
func (m *paceMemory) at(hour, instant int64) (p *pace, wanted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.known[hour]; ok {
		return p, false
	}
	newest := int64(math.MinInt64)
	for at := range m.known {
		if at < hour && at > newest {
			newest = at
		}
	}
	again := m.failed == 0 || instant >= m.failed+paceRetry || instant < m.failed
	return m.known[newest], again
}

// of returns what ticks have measured in some hours; ok is false where that is not
// all of them.
func (m *paceMemory) of(hours question.Span) (found paces, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found = paces{}
	for i := range hours.N {
		p, measured := m.known[hours.At(i)]
		if !measured {
			return nil, false
		}
		found[hours.At(i)] = p
	}
	return found, true
}

func (m *paceMemory) put(hour int64, p *pace) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[int64]*pace{}
	}
	m.known[hour] = p
	// Ticks and slots that are asked about again are at most some minutes apart.
	const keptHours = 3
	for len(m.known) > keptHours {
		oldest := hour
		for at := range m.known {
			oldest = min(oldest, at)
		}
		delete(m.known, oldest)
	}
	m.failed = 0
}

func (m *paceMemory) fail(instant int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed = instant
}

// paces are measurements by the hour that they are of.
type paces map[int64]*pace

func (p paces) at(instant int64) *pace { return p[question.ScrapesAt(instant)] }

// measurement is what was found out, and what was asked for it.
type measurement struct {
	paces   paces
	answers []*answer
}

// measure finds how often targets are scraped, as far as questions are asked to
// whose answers it matters. An hour that ticks fall in is measured once, for what is
// asked about it again as well. When a source cannot say so, nobody is refused for
// it.
func (a *asker) measure(ctx context.Context, s question.Span, w question.Wish) measurement {
	queries := a.wanted(a.scrapes, s, w)
	if len(queries) == 0 {
		return measurement{}
	}
	hours := s.ScrapeSpan()
	if s.Past() {
		if found, ok := a.pace.of(hours); ok {
			return measurement{paces: found}
		}
		found, answers, _ := a.measureAt(ctx, hours, queries)
		return measurement{found, answers}
	}
	known, wanted := a.pace.at(hours.Start, s.Start)
	if !wanted {
		return measurement{paces: paces{hours.Start: known}}
	}
	limited, cancel := context.WithTimeout(ctx, pacePatience)
	defer cancel()
	found, answers, ok := a.measureAt(limited, question.Instant(hours.Start), everyOne(a.scrapes))
	if !ok {
		a.pace.fail(s.Start)
		return measurement{paces{hours.Start: known}, answers}
	}
	a.pace.put(hours.Start, found[hours.Start])
	return measurement{found, answers}
}

// measureAt asks for measurements. ok is false when some could not be had.
func (a *asker) measureAt(ctx context.Context, hours question.Span, queries []*question.Query) (found paces, answers []*answer, ok bool) {
	most := make([]map[paced]float64, hours.N)
	for i := range most {
		most[i] = map[paced]float64{}
	}
	ok = true
	for _, q := range queries {
		for _, ans := range a.send(ctx, q, hours, 0) {
			answers = append(answers, ans)
			ok = ok && ans.fault == nil
			ans.countScrapes(most)
		}
	}
	found = paces{}
	for i := range most {
		found[hours.At(i)] = paceOf(most[i])
	}
	return found, answers, ok
}

// countScrapes takes in how many scrapes an answer found, by hour.
func (ans *answer) countScrapes(most []map[paced]float64) {
	for i, f := range ans.query.Feeds {
		d := ans.decoders[i]
		for hour, samples := range d.steps {
			for _, x := range samples {
				key := paced{f.Identity, x.service, d.cells[x.cell]}
				most[hour][key] = max(most[hour][key], x.value)
			}
		}
	}
}

func paceOf(most map[paced]float64) *pace {
	p := &pace{slow: map[paced]float64{}, measured: map[int32]bool{}}
	for key, scrapes := range most {
		p.measured[key.service] = true
		if question.TooFew(scrapes) {
			p.slow[key] = scrapes
			p.suspects = append(p.suspects, make([]bool, max(0, int(key.service)+1-len(p.suspects)))...)
			if key.service == wholeCell {
				p.cells = true
			} else {
				p.suspects[key.service] = true
			}
		}
	}
	return p
}

func everyOne(of []question.Query) []*question.Query {
	out := make([]*question.Query, len(of))
	for i := range of {
		out[i] = &of[i]
	}
	return out
}

// concerns reports whether a service may be refused anywhere: most may not.
func (p *pace) concerns(service int32) bool {
	return p.cells || int(service) < len(p.suspects) && p.suspects[service]
}

// scrapes returns how many scrapes the targets that a service has in a cell under
// an identity have in a tile at most, if that is too few.
func (p *pace) scrapes(identity int, service int32, cell string) (n float64, tooFew bool) {
	if n, tooFew = p.slow[paced{identity, service, cell}]; !tooFew {
		n, tooFew = p.slow[paced{identity, wholeCell, cell}]
	}
	return n, tooFew
}
