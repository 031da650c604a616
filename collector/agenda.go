package collector

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/apgarhq/apgar/slo"
)

// goneMemory is how long an SLI or a service that the plan no longer has is
// kept in the ledger after it was asked about last: catalogs and rubrics lose
// things by mistake, and sources do not remember as far back as the ledger.
const goneMemory = 7 * 24 * time.Hour

// How the past is asked for.
const (
	// mostSlots is how many slots a chunk has at most: a day.
	mostSlots = 288
	mostTries = 5 // of a chunk
	// longestMemory is more than the ledger ever looks back.
	longestMemory = 40 * 24 * time.Hour
)

// agenda knows what of the past has been asked, and so what is yet to be. A
// slot is done when its answers are in the ledger, or when what they lack is
// remembered as a hole or as owed. SLIs go by their hash, services by their id,
// times are in Unix seconds. It is not safe for concurrent use.
type agenda struct {
	holes holes
	// done is when each counted SLI was asked about, by hash, for all services
	// but those that are late.
	done map[string]intervals
	// late are the services that came, or came to be graded by more, when others
	// had a past already, and when they were asked about. Services that the plan
	// does not have any more are among them: they may come back.
	late map[string]intervals
	// owed are stretches whose answers are entered but lacked something: they are
	// asked about again once a source that failed answers better.
	owed map[chunkKey]chunk
}

// newAgenda returns one of which nothing has been asked.
func newAgenda() *agenda {
	a := &agenda{holes: holes{}}
	a.forget()
	return a
}

// forget takes everything but the holes for not asked.
func (a *agenda) forget() {
	a.done, a.late, a.owed = map[string]intervals{}, map[string]intervals{}, map[chunkKey]chunk{}
}

// empty reports that nothing has been asked.
func (a *agenda) empty() bool { return len(a.done) == 0 }

// knows reports whether an SLI was ever asked about.
func (a *agenda) knows(sli string) bool { return a.done[sli] != nil }

// hasLate reports whether a service is one of those that are late, or gone.
func (a *agenda) hasLate(service string) bool {
	_, late := a.late[service]
	return late
}

// lateServices is how many services are late, or gone.
func (a *agenda) lateServices() int { return len(a.late) }

// owing returns the chunks that are owed of what a plan has, and forgets the
// others.
func (a *agenda) owing(p *Plan) []chunk {
	var out []chunk
	for key, k := range a.owed {
		if _, ok := p.scope(k.subject); ok {
			out = append(out, k)
		} else {
			delete(a.owed, key)
		}
	}
	return out
}

// asked notes that a stretch of slots was asked about.
func (a *agenda) asked(p *Plan, of subject, v interval) {
	if len(of.Services) == 0 {
		for hash := range p.counted() {
			if _, asked := slices.BinarySearch(of.SLIs, hash); asked || len(of.SLIs) == 0 {
				a.done[hash] = a.done[hash].with(v)
			}
		}
	}
	if len(of.SLIs) > 0 {
		return
	}
	for service, had := range a.late {
		if _, asked := slices.BinarySearch(of.Services, service); asked || len(of.Services) == 0 && p.has(service) {
			a.late[service] = had.with(v)
		}
	}
}

// isLate notes that nothing is known of the past of a service that others
// have.
func (a *agenda) isLate(service string) { a.late[service] = nil }

// leave notes that a service is not in the plan any more.
func (a *agenda) leave(service string) {
	if _, known := a.late[service]; known {
		return
	}
	var had intervals
	first := true
	for _, done := range a.done {
		if first {
			had, first = done, false
		} else {
			had = had.common(done)
		}
	}
	a.late[service] = had
}

// tidy forgets what does not matter any more at a time: of the services that
// are late, those that have caught up; of what the plan does not have, what has
// been gone for long; and times that no window reaches.
func (a *agenda) tidy(p *Plan, at int64) {
	depths := p.counted()
	gone := func(s intervals) bool { return s.end() < at-seconds(goneMemory) }
	maps.DeleteFunc(a.done, func(hash string, s intervals) bool { return depths[hash] == 0 && gone(s) })
	maps.DeleteFunc(a.late, func(service string, s intervals) bool {
		if !p.has(service) {
			return gone(s)
		}
		return len(s.missing(window(p.longest(), at))) == 0
	})
	for hash, s := range a.done {
		a.done[hash] = s.after(at - seconds(longestMemory))
	}
	for service, s := range a.late {
		a.late[service] = s.after(at - seconds(longestMemory))
	}
}

// window is what the ledger needs of the past for windows of a length: an hour
// more, as their far edge is rounded outward.
func window(length time.Duration, at int64) interval {
	if length == 0 {
		return interval{}
	}
	from := at - seconds(length+time.Hour)
	return interval{from - from%seconds(time.Hour), at}
}

// chunk is a run of slots to be asked about at once. It is immutable.
type chunk struct {
	interval
	subject
	tries int
	lack  lack // the most of any slot, when it was tried last
}

// span is the ends of the slots.
func (k chunk) span() span {
	return span{k.from + seconds(slo.SlotLength), seconds(slo.SlotLength), k.slots()}
}

// chunkKey tells chunks apart.
type chunkKey struct {
	interval
	subject string
}

func (k chunk) key() chunkKey { return chunkKey{k.interval, k.subject.name()} }

// missing returns what is yet to be asked of the past before a time, in chunks
// of at most a number of slots, newest first, and those before which everything
// is asked for all services before those that are about the late ones.
func (a *agenda) missing(p *Plan, before int64, most int) []chunk {
	var chunks []chunk
	depths, longest := p.counted(), window(p.longest(), before)
	for to := before; to > longest.from; to -= int64(most) * seconds(slo.SlotLength) {
		cell := interval{max(longest.from, to-int64(most)*seconds(slo.SlotLength)), to}
		chunks = append(chunks, a.missingIn(p, depths, before, cell)...)
	}
	return chunks
}

// missingIn returns the chunks in one stretch of the past.
func (a *agenda) missingIn(p *Plan, depths map[string]time.Duration, before int64, cell interval) []chunk {
	bySLI := map[interval][]string{}
	for hash, depth := range depths {
		for _, v := range a.done[hash].missing(window(depth, before).within(cell)) {
			bySLI[v] = append(bySLI[v], hash)
		}
	}
	var chunks []chunk
	var asked intervals // of which the late services have their part
	for v, hashes := range bySLI {
		k := chunk{interval: v}
		if len(hashes) < len(depths) {
			k.SLIs = slices.Sorted(slices.Values(hashes))
		} else {
			asked = asked.with(v)
		}
		chunks = append(chunks, k)
	}
	byService := map[interval][]string{}
	for service, had := range a.late {
		if !p.has(service) {
			continue
		}
		for _, v := range had.union(asked).missing(cell) {
			byService[v] = append(byService[v], service)
		}
	}
	for v, services := range byService {
		chunks = append(chunks, chunk{interval: v, subject: subject{Services: slices.Sorted(slices.Values(services))}})
	}
	slices.SortFunc(chunks, func(x, y chunk) int {
		return cmp.Or(cmp.Compare(len(x.Services), len(y.Services)), cmp.Compare(y.to, x.to), cmp.Compare(x.name(), y.name()))
	})
	return chunks
}

// unasked returns what a stretch of the past was not wholly asked about: some
// SLIs, and some services.
func (a *agenda) unasked(p *Plan, in interval) []subject {
	var slis, services []string
	for _, k := range a.missingIn(p, p.counted(), in.to, in) {
		if k.whole() {
			return []subject{{}}
		}
		slis, services = append(slis, k.SLIs...), append(services, k.Services...)
	}
	var out []subject
	if len(slis) > 0 {
		slices.Sort(slis)
		out = append(out, subject{SLIs: slices.Compact(slis)})
	}
	if len(services) > 0 {
		slices.Sort(services)
		out = append(out, subject{Services: slices.Compact(services)})
	}
	return out
}

// settle notes how a try ended.
func (a *agenda) settle(k chunk) {
	if k.unsettled() && k.entered() {
		a.owed[k.key()] = k
	} else {
		delete(a.owed, k.key())
	}
}

// unsettled reports that a chunk may be tried again.
func (k chunk) unsettled() bool { return k.lack.any() && k.tries < mostTries }

// worthTrying reports whether a chunk may be answered better than before. now is
// what sources lack at the newest boundary; nil when that is not known.
func (k chunk) worthTrying(now lack) bool { return k.tries < 2 || now != nil && k.lack.betterNow(now) }

// tried returns a chunk after one more try, with what came in about each slot.
func (k chunk) tried(p *Plan, instants [][]*slo.Block) chunk {
	k.tries++
	k.lack = nil
	for _, blocks := range instants {
		k.lack = k.lack.most(lackOf(p, blocks))
	}
	return k
}

// entered reports whether the answers to the newest try are taken as they are.
func (k chunk) entered() bool { return !k.lack.any() || k.tries > 1 }
