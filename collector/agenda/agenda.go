package agenda

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// goneMemory is how long an SLI or a service that the plan no longer has is
// kept in the ledger after it was asked about last: catalogs and rubrics lose
// things by mistake, and sources do not remember as far back as the ledger.
const goneMemory = 7 * 24 * time.Hour

const (
	// MostSlots is how many slots a chunk has at most: a day.
	MostSlots = 288
	// LongestMemory is more than the ledger ever looks back.
	LongestMemory = 40 * 24 * time.Hour

	mostTries = 5 // of a chunk

	// soonAsked is how much of the past is asked about before its beginning is.
	soonAsked = 24 * time.Hour
)

// Agenda knows what of the past has been asked, and so what is yet to be. A
// slot is done when its answers are in the ledger, or when what they lack is
// remembered as a hole or as owed. SLIs go by their hash, services by their id,
// times are in Unix seconds. It is not safe for concurrent use.
type Agenda struct {
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
	owed map[chunkKey]Chunk
}

// New returns an agenda of which nothing has been asked.
func New() *Agenda {
	a := &Agenda{holes: holes{}}
	a.Forget()
	return a
}

// Forget takes everything but the holes for not asked.
func (a *Agenda) Forget() {
	a.done, a.late, a.owed = map[string]intervals{}, map[string]intervals{}, map[chunkKey]Chunk{}
}

// Empty reports that nothing has been asked.
func (a *Agenda) Empty() bool { return len(a.done) == 0 }

// Knows reports whether an SLI was ever asked about.
func (a *Agenda) Knows(sli string) bool { return a.done[sli] != nil }

// HasLate reports whether a service is one of those that are late, or gone.
func (a *Agenda) HasLate(service string) bool {
	_, late := a.late[service]
	return late
}

// LateServices is how many services are late, or gone.
func (a *Agenda) LateServices() int { return len(a.late) }

// Owed returns the chunks that are owed of what a plan has, and forgets the
// others.
func (a *Agenda) Owed(p *question.Plan) []Chunk {
	var out []Chunk
	for key, k := range a.owed {
		if _, ok := p.Scope(k.Subject); ok {
			out = append(out, k)
		} else {
			delete(a.owed, key)
		}
	}
	return out
}

// Asked notes that a stretch of slots was asked about, for a subject.
func (a *Agenda) Asked(p *question.Plan, of question.Subject, v Interval) {
	if len(of.Services) == 0 {
		for hash := range p.Counted() {
			if _, asked := slices.BinarySearch(of.SLIs, hash); asked || len(of.SLIs) == 0 {
				a.done[hash] = a.done[hash].with(v)
			}
		}
	}
	if len(of.SLIs) > 0 {
		return
	}
	for service, had := range a.late {
		if _, asked := slices.BinarySearch(of.Services, service); asked || len(of.Services) == 0 && p.Has(service) {
			a.late[service] = had.with(v)
		}
	}
}

// AddLate notes that nothing is known of the past of a service that others
// have.
func (a *Agenda) AddLate(service string) { a.late[service] = nil }

// Leave notes that a service is not in the plan any more.
func (a *Agenda) Leave(service string) {
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

// Tidy forgets what does not matter any more at a time: of the services that
// are late, those that have caught up; of what the plan does not have, what has
// been gone for long; and times that no window reaches.
func (a *Agenda) Tidy(p *question.Plan, at int64) {
	depths := p.Counted()
	gone := func(s intervals) bool { return s.end() < at-seconds(goneMemory) }
	maps.DeleteFunc(a.done, func(hash string, s intervals) bool { return depths[hash] == 0 && gone(s) })
	maps.DeleteFunc(a.late, func(service string, s intervals) bool {
		if !p.Has(service) {
			return gone(s)
		}
		return len(s.missing(window(p.Longest(), at))) == 0
	})
	for hash, s := range a.done {
		a.done[hash] = s.after(at - seconds(LongestMemory))
	}
	for service, s := range a.late {
		a.late[service] = s.after(at - seconds(LongestMemory))
	}
}

// window is what the ledger needs of the past that is so long: an hour more, as far
// edges are rounded outward.
func window(length time.Duration, at int64) Interval {
	if length == 0 {
		return Interval{}
	}
	from := at - seconds(min(length+time.Hour, LongestMemory))
	return Interval{from - from%seconds(time.Hour), at}
}

// Chunk is a run of slots to be asked about at once, for a subject. It is
// immutable.
type Chunk struct {
	Interval
	question.Subject
	tries int
	lack  Lack // the most of any slot, when it was tried last
}

// Span is the ends of the slots, all of which are taken for final.
func (k Chunk) Span() question.Span {
	return question.Span{Start: k.From + seconds(slo.SlotLength), Step: seconds(slo.SlotLength), N: k.Slots(), Final: k.To}
}

// chunkKey tells chunks apart.
type chunkKey struct {
	Interval
	subject string
}

func (k Chunk) key() chunkKey { return chunkKey{k.Interval, k.Subject.Name()} }

// Missing returns what a plan has yet to ask of the past before a time, in chunks
// of at most a number of slots: those of the newest day, newest first, as most
// windows that warn are no longer than that; and then from the oldest on, as what
// the cells of a slot weigh follows from the slots before it. Of each stretch of
// time, what is about all services comes before what is about the late ones.
func (a *Agenda) Missing(p *question.Plan, before int64, most int) []Chunk {
	var newest, rest []Interval
	longest := window(p.Longest(), before)
	for to := before; to > longest.From; to -= int64(most) * seconds(slo.SlotLength) {
		cell := Interval{max(longest.From, to-int64(most)*seconds(slo.SlotLength)), to}
		if to > before-seconds(soonAsked) {
			newest = append(newest, cell)
		} else {
			rest = append(rest, cell)
		}
	}
	slices.Reverse(rest)
	var chunks []Chunk
	depths := p.Counted()
	for _, cell := range append(newest, rest...) {
		chunks = append(chunks, a.missingIn(p, depths, before, cell)...)
	}
	return chunks
}

// InOrder sorts chunks by time, for whoever can wait for all of them.
func InOrder(chunks []Chunk) {
	slices.SortStableFunc(chunks, func(x, y Chunk) int { return cmp.Compare(x.From, y.From) })
}

// missingIn returns the chunks in one stretch of the past.
func (a *Agenda) missingIn(p *question.Plan, depths map[string]time.Duration, before int64, cell Interval) []Chunk {
	bySLI := map[Interval][]string{}
	for hash, depth := range depths {
		for _, v := range a.done[hash].missing(window(depth, before).within(cell)) {
			bySLI[v] = append(bySLI[v], hash)
		}
	}
	var chunks []Chunk
	var asked intervals // of which the late services have their part
	for v, hashes := range bySLI {
		k := Chunk{Interval: v}
		if len(hashes) < len(depths) {
			k.SLIs = slices.Sorted(slices.Values(hashes))
		} else {
			asked = asked.with(v)
		}
		chunks = append(chunks, k)
	}
	byService := map[Interval][]string{}
	for service, had := range a.late {
		if !p.Has(service) {
			continue
		}
		for _, v := range had.union(asked).missing(cell) {
			byService[v] = append(byService[v], service)
		}
	}
	for v, services := range byService {
		chunks = append(chunks, Chunk{Interval: v, Subject: question.Subject{Services: slices.Sorted(slices.Values(services))}})
	}
	slices.SortFunc(chunks, func(x, y Chunk) int {
		return cmp.Or(cmp.Compare(len(x.Services), len(y.Services)), cmp.Compare(y.To, x.To), cmp.Compare(x.Name(), y.Name()))
	})
	return chunks
}

// Unasked returns what a stretch of the past was not wholly asked about: some
// SLIs, and some services.
func (a *Agenda) Unasked(p *question.Plan, in Interval) []question.Subject {
	var slis, services []string
	for _, k := range a.missingIn(p, p.Counted(), in.To, in) {
		if k.Whole() {
			return []question.Subject{{}}
		}
		slis, services = append(slis, k.SLIs...), append(services, k.Services...)
	}
	var out []question.Subject
	if len(slis) > 0 {
		slices.Sort(slis)
		out = append(out, question.Subject{SLIs: slices.Compact(slis)})
	}
	if len(services) > 0 {
		slices.Sort(services)
		out = append(out, question.Subject{Services: slices.Compact(services)})
	}
	return out
}

// Settle notes how a try ended.
func (a *Agenda) Settle(k Chunk) {
	if k.Unsettled() && k.Entered() {
		a.owed[k.key()] = k
	} else {
		delete(a.owed, k.key())
	}
}

// Unsettled reports that a chunk may be tried again.
func (k Chunk) Unsettled() bool { return k.lack.Any() && k.tries < mostTries }

// WorthTrying reports whether a chunk may be answered better than before. now is
// what sources lack at the newest boundary; nil when that is not known.
func (k Chunk) WorthTrying(now Lack) bool { return k.tries < 2 || now != nil && k.lack.betterNow(now) }

// Tried returns a chunk after one more try, with what came in about each slot.
func (k Chunk) Tried(p *question.Plan, instants [][]*slo.Block) Chunk {
	k.tries++
	k.lack = nil
	for _, blocks := range instants {
		k.lack = k.lack.most(LackOf(p, blocks))
	}
	return k
}

// Entered reports whether the answers to the newest try are taken as they are.
func (k Chunk) Entered() bool { return !k.lack.Any() || k.tries > 1 }
