package gather

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
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

// refuse puts faults in the place of counts that come of too few scrapes, and
// notes who is concerned. Where the targets of a service are scraped too seldom
// for it to have any counts, that is a fault as well.
func (a *asker) refuse(b *slo.Block, p *pace) {
	if p == nil || len(p.slow) == 0 {
		return
	}
	for i := range a.plan.SLIs {
		s := &a.plan.SLIs[i]
		if !a.plan.Questions[s.Questions[0]].OfScrapes() {
			continue
		}
		found := map[[2]int32]bool{} // services that may be refused, and cells that have rows of them
		for _, q := range s.Questions {
			for j := range b.Columns[q].Rows {
				row := &b.Columns[q].Rows[j]
				if !p.concerns(row.Service) {
					continue
				}
				found[[2]int32{row.Service, row.Cell}] = true
				if n, tooFew := p.scrapes(a.plan.Questions[q].Identity, row.Service, b.Cells[row.Cell]); tooFew {
					*row = slo.Row{Service: row.Service, Cell: row.Cell, Fault: tooSeldom(b.Cells[row.Cell], n)}
				}
			}
		}
		for _, q := range s.Questions {
			a.refuseMissing(b, p, q, found)
		}
	}
	b.Slow = a.slowness(b, p)
}

// refuseMissing adds a row with a fault for each service that has targets, all of
// them scraped too seldom, and no row under any identity.
func (a *asker) refuseMissing(b *slo.Block, p *pace, q int, found map[[2]int32]bool) {
	c, identity := &b.Columns[q], a.plan.Questions[q].Identity
	if !c.Asked || c.Fault != nil {
		return
	}
	before := len(c.Rows)
	for _, t := range b.Targets[identity].Rows {
		if t.Up+t.Down == 0 || !p.concerns(t.Service) || found[[2]int32{t.Service, t.Cell}] {
			continue
		}
		if n, tooFew := p.scrapes(identity, t.Service, b.Cells[t.Cell]); tooFew {
			c.Rows = append(c.Rows, slo.Row{Service: t.Service, Cell: t.Cell, Fault: tooSeldom(b.Cells[t.Cell], n)})
		}
	}
	if len(c.Rows) > before {
		slices.SortFunc(c.Rows, func(x, y slo.Row) int {
			return cmp.Or(cmp.Compare(x.Service, y.Service), cmp.Compare(x.Cell, y.Cell))
		})
	}
}

func tooSeldom(cell string, scrapes float64) *slo.Fault {
	return &slo.Fault{Reason: slo.SourceError, Detail: fmt.Sprintf(
		"its targets in %s are scraped %s, and a slot of 5m needs a scrape every %s at least: scrape more often, or check a value over a longer range instead",
		cell, howOften(scrapes), inSeconds(question.SlowestScrape))}
}

// howOften says what was counted; the time between two scrapes follows from it.
func howOften(scrapes float64) string {
	times := fmt.Sprintf("%g times", scrapes)
	if scrapes <= 1 {
		times = "once"
	}
	return fmt.Sprintf("%s in %dm (every %s)", times, int(question.ScrapeTile.Minutes()), inSeconds(question.Between(scrapes)))
}

func inSeconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// slowness sums up whom a measurement concerns.
func (a *asker) slowness(b *slo.Block, p *pace) slo.Slowness {
	all := roll{services: map[int32]bool{}, first: paced{service: math.MaxInt32}}
	for service := range p.measured {
		all.note(paced{service: service}, 0, false)
	}
	for key, n := range p.slow {
		all.note(key, n, true)
	}
	for identity := range b.Targets {
		if a.plan.Identities[identity].Presence == "" {
			continue
		}
		for _, t := range b.Targets[identity].Rows {
			key := paced{identity, t.Service, b.Cells[t.Cell]}
			n, tooFew := p.scrapes(identity, t.Service, key.cell)
			all.note(key, n, tooFew)
		}
	}
	s := slo.Slowness{Services: all.slow, Of: len(all.services)}
	if s.Services > 0 {
		s.Detail = fmt.Sprintf("%d of %d services are scraped more seldom than every %s and are not counted, among them %s, whose targets in %s are scraped %s: scrape more often",
			s.Services, s.Of, inSeconds(question.SlowestScrape), a.plan.Services[all.first.service].ID, all.first.cell, howOften(all.scrapes))
	}
	return s
}

// roll is which services were measured.
type roll struct {
	services map[int32]bool // whether they are slow in any cell
	slow     int
	first    paced // of those that are slow, and its scrapes
	scrapes  float64
}

func (r *roll) note(key paced, scrapes float64, slow bool) {
	if key.service == wholeCell {
		return
	}
	before := r.services[key.service]
	r.services[key.service] = before || slow
	if !slow {
		return
	}
	if !before {
		r.slow++
	}
	if key.service < r.first.service || key.service == r.first.service && key.cell < r.first.cell {
		r.first, r.scrapes = key, scrapes
	}
}
