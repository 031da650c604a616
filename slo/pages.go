package slo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/slo/column"
)

// The forms of pages. One that an older program must not take for its own has
// another than those before it.
const (
	firstSchema = 1
	bornSchema  = 2 // of slots or hours, with a column of what was born at the end
)

// Pages encodes the pages that have changed since they were last saved or
// loaded, in order of shard and name. A page whose time has passed out of
// retention comes once without data, and so does one that has nothing in it any
// more.
func (l *Ledger) Pages() []Page {
	var pages []Page
	for i := range l.shards {
		sh := &l.shards[i]
		for _, id := range slices.SortedFunc(maps.Keys(sh.pages), comparePages) {
			if p := sh.pages[id]; p.dirty {
				if page, changed := l.encode(i, id); changed {
					p.offered = true
					pages = append(pages, page)
				}
			}
		}
	}
	return pages
}

func comparePages(a, b pageID) int { return strings.Compare(a.String(), b.String()) }

// encode returns what the store is to have of a page, and false where it has
// that already.
func (l *Ledger) encode(number int, id pageID) (Page, bool) {
	sh := &l.shards[number]
	p := sh.pages[id]
	page := NewPage(PageKey{number, id.String()}, l.write(sh, id))
	switch {
	case page.Data == nil && !p.stored:
		delete(sh.pages, id)
		return Page{}, false
	case page.Data != nil && p.stored && page.Version == p.version:
		p.dirty = false
		return Page{}, false
	}
	return page, true
}

// write returns the content of a page; nil where there is none.
func (l *Ledger) write(sh *shard, id pageID) []byte {
	members := sh.members(id)
	if len(members) == 0 {
		return nil
	}
	w := &column.Writer{}
	schema := byte(firstSchema)
	if anyBorn(id, members) {
		schema = bornSchema
	}
	w.Byte(schema)
	w.Byte(byte(id.kind))
	w.Uint(uint64(id.end))
	writeNames(w, members)
	switch id.kind {
	case headKind:
		writeHead(w, sh.now, members)
	case ringKind:
		writeRing(w, id.end, l.interval, members)
	case slotsKind:
		writeSlots(w, id.end, members)
	case hoursKind:
		writeHours(w, id.end, members)
	}
	if schema == bornSchema {
		writeBorn(w, id, members)
	}
	return w.Data()
}

// Saved says that a store has taken these pages, which Pages returned. What has
// been entered since then counts as changed.
func (l *Ledger) Saved(pages []Page) {
	for _, page := range pages {
		id, ok := parsePage(page.Name)
		if !ok || page.Shard < 0 || page.Shard >= Shards {
			continue
		}
		sh := &l.shards[page.Shard]
		p := sh.page(id)
		p.stored, p.version = page.Data != nil, page.Version
		if p.offered {
			p.dirty, p.offered = false, false
		}
		if !p.stored && !p.dirty {
			delete(sh.pages, id)
		}
	}
}

// Unsave says that the store has nothing any more: every page is to be saved
// again.
func (l *Ledger) Unsave() {
	for i := range l.shards {
		for _, p := range l.shards[i].pages {
			*p = pageState{dirty: true}
		}
	}
}

// Versions returns the version of each page as last saved or loaded, and not
// changed since: what a store need not send again. The map is the caller's.
func (l *Ledger) Versions() map[PageKey]string {
	versions := map[PageKey]string{}
	for i := range l.shards {
		for id, p := range l.shards[i].pages {
			if p.clean() {
				versions[PageKey{i, id.String()}] = p.version
			}
		}
	}
	return versions
}

// Changed returns the keys of the pages that have changed since they were last
// saved or loaded, in order of shard and name. To go back to what a store has,
// load these, empty those of them that it does not have, and then load or
// empty what else differs from Versions.
func (l *Ledger) Changed() []PageKey {
	var changed []PageKey
	for i := range l.shards {
		for id, p := range l.shards[i].pages {
			if p.dirty {
				changed = append(changed, PageKey{i, id.String()})
			}
		}
	}
	slices.SortFunc(changed, func(a, b PageKey) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), strings.Compare(a.Name, b.Name))
	})
	return changed
}

// Load enters a page that a store has kept, in place of what the ledger has of
// that page; a page without data empties it. Pages may come in any order. ok is
// false for a name that Pages never makes. The error is about a page that
// cannot be read (truncated, corrupt, of a later schema): then nothing of it is
// entered, and it counts as changed, so that it is written anew. Series of which
// only other pages are left are as if they had just begun.
func (l *Ledger) Load(page Page) (ok bool, err error) {
	id, ok := parsePage(page.Name)
	if !ok || page.Shard < 0 || page.Shard >= Shards {
		return false, nil
	}
	sh := &l.shards[page.Shard]
	if page.Data == nil {
		l.enter(sh, id, "", content{})
		return true, nil
	}
	c, err := l.read(page, id)
	if err != nil {
		*sh.page(id) = pageState{stored: true, dirty: true}
		return true, fmt.Errorf("reading page %s of shard %d of the ledger: %w; what it held is lost unless the sources still have it",
			page.Name, page.Shard, err)
	}
	l.enter(sh, id, page.Version, c)
	return true, nil
}

// content is what a page holds, read and not yet entered.
type content struct {
	names []seriesName
	enter []func(*Series) // in the order of names
	now   int64           // of a head
	lossy bool            // some of it does not fit into this ledger
}

// read takes a page apart and changes nothing but what it returns.
func (l *Ledger) read(page Page, id pageID) (content, error) {
	if page.Version != NewPage(page.PageKey, page.Data).Version {
		return content{}, fmt.Errorf("its content is not that of version %q", page.Version)
	}
	r := column.NewReader(page.Data)
	schema := r.Byte()
	if schema > bornSchema {
		return content{}, fmt.Errorf("it was written by a later version of Apgar, in schema %d, and this one knows up to %d", schema, bornSchema)
	} else if schema < firstSchema {
		r.Fail(fmt.Errorf("schema %d was never written", schema))
	}
	kind, end := pageKind(r.Byte()), int64(r.Uint(mostTime))
	if r.Err() == nil && (pageID{kind, end}) != id {
		return content{}, fmt.Errorf("it is the content of another page, of kind %d and time %d", kind, end)
	}
	c := content{names: readNames(r, page.Shard)}
	switch id.kind {
	case headKind:
		readHead(r, &c)
	case ringKind:
		readRing(r, end, l.interval, &c)
	case slotsKind:
		readSlots(r, end, schema == bornSchema, &c)
	case hoursKind:
		readHours(r, end, schema == bornSchema, &c)
	}
	return c, r.End()
}

// enter puts a page in place of what the ledger has of it; one without a
// version is not stored.
func (l *Ledger) enter(sh *shard, id pageID, version string, c content) {
	sh.empty(id)
	for i, n := range c.names {
		c.enter[i](l.Series(n.sli, n.service))
	}
	for _, e := range sh.series {
		e.cells = slices.DeleteFunc(e.cells, (*cellMemory).bare)
		e.cache.clear()
	}
	unnamed := id.kind == headKind && len(sh.series) > len(c.names)
	*sh.page(id) = pageState{stored: version != "", version: version, dirty: c.lossy || unnamed}
	if p := sh.pages[id]; !p.stored && !p.dirty {
		delete(sh.pages, id)
	}
	if id.kind == headKind {
		sh.now, sh.floors = c.now, floors{}
		sh.expire()
	}
}
