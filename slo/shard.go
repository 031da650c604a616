package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pageKind is what a page is about.
type pageKind uint8

// The kinds of pages. Their numbers are part of the stored form.
const (
	headKind  pageKind = iota + 1 // what each series and cell last said: all that changes at every tick
	ringKind                      // the tick answers of a quarter of an hour
	slotsKind                     // the slots of an hour, and what cells said in those that may be asked again
	hoursKind                     // the hours of a day, of series and of cells
)

// pageID names a page within its shard.
type pageID struct {
	kind pageKind
	end  int64 // of the time that it is about; 0 for the head
}

func headPage() pageID            { return pageID{kind: headKind} }
func ringPage(tick int64) pageID  { return pageID{ringKind, ceilTo(tick, stretchSeconds)} }
func slotsPage(hour int64) pageID { return pageID{slotsKind, hour} }
func hoursPage(hour int64) pageID { return pageID{hoursKind, ceilTo(hour, daySeconds)} }

// seconds returns how long a time pages of a kind are about, and how their
// names begin.
func (k pageKind) seconds() (length int64, name string) {
	switch k {
	case headKind:
		return 0, "head"
	case ringKind:
		return stretchSeconds, "ring"
	case slotsKind:
		return hourSeconds, "slots"
	case hoursKind:
		return daySeconds, "hours"
	}
	return 0, ""
}

// String returns the name of the page.
func (id pageID) String() string {
	_, name := id.kind.seconds()
	if id.kind == headKind {
		return name
	}
	return fmt.Sprintf("%s/%d", name, id.end)
}

// parsePage reads a name; ok is false for one that String never returns.
func parsePage(name string) (id pageID, ok bool) {
	kind, end, _ := strings.Cut(name, "/")
	for id.kind = headKind; id.kind <= hoursKind; id.kind++ {
		length, prefix := id.kind.seconds()
		if prefix != kind {
			continue
		}
		id.end, _ = strconv.ParseInt(end, 10, 64)
		onTime := length == 0 || id.end > 0 && id.end <= mostTime && id.end%length == 0
		return id, onTime && id.String() == name
	}
	return pageID{}, false
}

// floors are the ends of the newest pages of each kind that are kept no more.
type floors struct {
	ring, slots, hours int64
	cells              int64 // the hours of cells
}

func floorsAt(now int64) floors {
	return floors{
		ring:  floorTo(now, stretchSeconds) - ringRetention,
		slots: ceilTo(now, hourSeconds) - slotChunks*hourSeconds,
		hours: ceilTo(now, daySeconds) - hourChunks*daySeconds,
		cells: ceilTo(now, daySeconds) - cellDays*daySeconds,
	}
}

func (f floors) keeps(id pageID) bool {
	switch id.kind {
	case ringKind:
		return id.end > f.ring
	case slotsKind:
		return id.end > f.slots
	case hoursKind:
		return id.end > f.hours
	}
	return true
}

// shard keeps track of the pages of its services. A nil shard is that of a
// series outside a ledger: it keeps everything and notes nothing.
type shard struct {
	now    int64  // the newest time of a round
	floors floors // at that time
	series []*entry
	sorted bool
	pages  map[pageID]*pageState
}

// entry is a series with its names.
type entry struct {
	seriesName
	*Series
}

// pageState is what is known of a page that has something in it, or in the
// store.
type pageState struct {
	stored  bool   // the store has something under its name
	version string // of what the store has; "" where that is not known
	dirty   bool   // the store may have something else than the ledger
	offered bool   // Pages has returned it, and nothing has changed since
}

// clean reports that the store has what the ledger has, of a known version.
func (p *pageState) clean() bool { return p.stored && !p.dirty && p.version != "" }

func (sh *shard) page(id pageID) *pageState {
	p := sh.pages[id]
	if p == nil {
		p = &pageState{}
		if sh.pages == nil {
			sh.pages = map[pageID]*pageState{}
		}
		sh.pages[id] = p
	}
	return p
}

// mark notes that a page has changed.
func (sh *shard) mark(id pageID) {
	if sh != nil {
		p := sh.page(id)
		p.dirty, p.offered = true, false
	}
}

func (sh *shard) keeps(id pageID) bool { return sh == nil || sh.floors.keeps(id) }

// keepsCells reports whether a page of hours has those of cells too.
func (sh *shard) keepsCells(id pageID) bool {
	return sh == nil || sh.floors.keeps(id) && id.end > sh.floors.cells
}

// begin notes that a round of a time is entered.
func (sh *shard) begin(at int64) {
	if sh == nil {
		return
	}
	sh.mark(headPage())
	if at > sh.now {
		sh.now = at
		sh.expire()
	}
}

// expire drops what has become too old, once in a quarter of an hour.
func (sh *shard) expire() {
	before := sh.floors
	sh.floors = floorsAt(sh.now)
	if sh.floors == before {
		return
	}
	for id, p := range sh.pages {
		switch {
		case !sh.keeps(id):
			sh.empty(id)
			sh.mark(id)
			if !p.stored {
				delete(sh.pages, id)
			}
		case id.kind == hoursKind && !sh.keepsCells(id):
			sh.emptyCells(id)
		}
	}
}

// empty drops what a page has from all series.
func (sh *shard) empty(id pageID) {
	for _, e := range sh.series {
		e.empty(id)
	}
}

// emptyCells drops the hours of cells on a page, and notes it if there were
// any.
func (sh *shard) emptyCells(id pageID) {
	for _, e := range sh.series {
		if e.emptyCells(id.end) {
			sh.mark(id)
		}
	}
}

// members returns the series that have something on a page, in order.
func (sh *shard) members(id pageID) []*entry {
	if !sh.sorted {
		slices.SortFunc(sh.series, func(a, b *entry) int { return a.compare(b.seriesName) })
		sh.sorted = true
	}
	var members []*entry
	for _, e := range sh.series {
		if e.has(id) {
			members = append(members, e)
		}
	}
	return members
}

// seriesName names a series. Services come first, so that what is alike is
// side by side.
type seriesName struct{ service, sli string }

func (n seriesName) compare(o seriesName) int {
	return cmp.Or(strings.Compare(n.service, o.service), strings.Compare(n.sli, o.sli))
}
