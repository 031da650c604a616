package agenda

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/slo"
)

// pageVersion is the schema of the collector's page.
const pageVersion = 1

// PageKey is where what was asked is kept, beside the ledger.
func PageKey() slo.PageKey { return slo.PageKey{Shard: 0, Name: "collector"} }

// pageForm is the stored form of holes and agenda. It names sources, SLIs and
// services, so that another plan can read it.
type pageForm struct {
	Version int `json:"version"`
	// Sources are those that were asked. Of what another source knows of the
	// past nothing is in the ledger.
	Sources []string           `json:"sources"`
	Done    map[string][]pair  `json:"done"`
	Late    map[string][]pair  `json:"late,omitempty"`
	Owed    []owedForm         `json:"owed,omitempty"`
	Holes   map[int64]holeForm `json:"holes,omitempty"`
}

// pair is an interval: after the first second, up to the last.
type pair [2]int64

type owedForm struct {
	At pair `json:"at"`
	question.Subject
	holeForm
}

type holeForm struct {
	Lack  map[string]int `json:"lack"` // by source; -1 is all
	Tries int            `json:"tries"`
}

// Page returns the page of what was asked of sources, in their order. It is the
// same for the same agenda.
func (a *Agenda) Page(sources []string) slo.Page {
	form := pageForm{
		Version: pageVersion, Sources: sources,
		Done: pairsOf(a.done), Late: pairsOf(a.late), Holes: map[int64]holeForm{},
	}
	for at, h := range a.holes {
		form.Holes[at] = formOf(h, sources)
	}
	for _, k := range a.owed {
		form.Owed = append(form.Owed, owedForm{pair{k.From, k.To}, k.Subject, formOf(hole{k.lack, k.tries}, sources)})
	}
	slices.SortFunc(form.Owed, func(x, y owedForm) int {
		if c := slices.Compare(x.At[:], y.At[:]); c != 0 {
			return c
		}
		return strings.Compare(x.Name(), y.Name())
	})
	data, err := json.Marshal(form)
	if err != nil { // of strings and integers alone, which always can be marshalled
		return slo.NewPage(PageKey(), nil)
	}
	return slo.NewPage(PageKey(), data)
}

// Load takes over the data of a page, and forgets what it knew unless there is an
// error. Sources are those of the plan: if one of them is new, all of the past
// is to be asked again, because of it.
func (a *Agenda) Load(data []byte, sources []string) error {
	var form pageForm
	if err := json.Unmarshal(data, &form); err != nil {
		return fmt.Errorf("reading what was asked of the past: %w", err)
	}
	if form.Version != pageVersion {
		return fmt.Errorf("reading what was asked of the past: its form is version %d, this program knows %d", form.Version, pageVersion)
	}
	*a = *New()
	for at, h := range form.Holes {
		if x := h.hole(sources); x.lack.Any() && at%seconds(slo.SlotLength) == 0 {
			a.holes[at] = x
		}
	}
	maps.Copy(a.late, intervalsOf(form.Late))
	if slices.ContainsFunc(sources, func(name string) bool { return !slices.Contains(form.Sources, name) }) {
		return nil
	}
	maps.Copy(a.done, intervalsOf(form.Done))
	for _, o := range form.Owed {
		h := o.hole(sources)
		k := Chunk{Interval: o.At.interval(), Subject: o.Subject, tries: h.tries, lack: h.lack}
		if h.lack.Any() && !k.empty() && k.Slots() <= MostSlots {
			a.owed[k.key()] = k
		}
	}
	return nil
}

func pairsOf(in map[string]intervals) map[string][]pair {
	out := make(map[string][]pair, len(in))
	for name, s := range in {
		pairs := make([]pair, len(s))
		for i, v := range s {
			pairs[i] = pair{v.From, v.To}
		}
		out[name] = pairs
	}
	return out
}

func intervalsOf(in map[string][]pair) map[string]intervals {
	out := make(map[string]intervals, len(in))
	for name, pairs := range in {
		var s intervals
		for _, p := range pairs {
			s = s.with(p.interval())
		}
		out[name] = s
	}
	return out
}

// interval returns the whole slots of a pair.
func (p pair) interval() Interval {
	step := seconds(slo.SlotLength)
	return Interval{max(0, p[0]+step-1) / step * step, max(0, p[1]) / step * step}
}

func formOf(h hole, sources []string) holeForm {
	form := holeForm{Lack: map[string]int{}, Tries: h.tries}
	for i, n := range h.lack {
		switch {
		case i >= len(sources) || n == 0:
		case n == math.MaxInt:
			form.Lack[sources[i]] = -1
		default:
			form.Lack[sources[i]] = n
		}
	}
	return form
}

func (f holeForm) hole(sources []string) hole {
	h := hole{lack: make(Lack, len(sources)), tries: f.Tries}
	for i, name := range sources {
		n := f.Lack[name]
		if n < 0 {
			n = math.MaxInt
		}
		h.lack[i] = n
	}
	return h
}
