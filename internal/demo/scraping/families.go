package scraping

import (
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/textparse"
)

// families are what a target says about its metrics. They are written by its scrapes and read by others.
type families struct {
	mu     sync.Mutex
	round  uint64
	byName map[string]*family
}

type family struct {
	Metadata
	round uint64 // the last scrape that described it
}

// begin starts a scrape.
func (f *families) begin(round uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.round = round
}

// note keeps what the parser's current entry says. Nothing is allocated if it is known.
func (f *families) note(entry textparse.Entry, parser textparse.Parser) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch entry {
	case textparse.EntryType:
		name, kind := parser.Type()
		f.named(name).Type = string(kind)
	case textparse.EntryHelp:
		name, help := parser.Help()
		if known := f.named(name); known.Help != string(help) {
			known.Help = string(help)
		}
	case textparse.EntryUnit:
		name, unit := parser.Unit()
		if known := f.named(name); known.Unit != string(unit) {
			known.Unit = string(unit)
		}
	}
}

func (f *families) named(name []byte) *family {
	known, ok := f.byName[string(name)]
	if !ok {
		if f.byName == nil {
			f.byName = map[string]*family{}
		}
		known = &family{Metadata: Metadata{Name: string(name), Type: string(model.MetricTypeUnknown)}}
		f.byName[known.Name] = known
	}
	known.round = f.round
	return known
}

// finish ends a scrape that went well: what it did not describe is forgotten.
func (f *families) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, known := range f.byName {
		if known.round != f.round {
			delete(f.byName, name)
		}
	}
}

func (f *families) copyTo(found map[string]Metadata) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, known := range f.byName {
		found[name] = known.Metadata
	}
}
