package question

import (
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/slo"
)

// Subject is what a question about the past is about: all services, or some of
// them; all SLIs, or some of them. The zero subject is everything. It goes by
// names, which outlive a plan.
type Subject struct {
	SLIs []string `json:"slis,omitempty"` // hashes, sorted; none: all that are counted
	// Services are ids, sorted; none: all.
	Services []string `json:"services,omitempty"`
}

// Whole reports that a subject is everything.
func (s Subject) Whole() bool { return len(s.SLIs) == 0 && len(s.Services) == 0 }

// Name tells subjects apart: those that are equal have the same.
func (s Subject) Name() string {
	return strings.Join(s.SLIs, "\n") + "\n\n" + strings.Join(s.Services, "\n")
}

// Scope is a subject as a plan numbers it. The zero scope is everything. It is
// immutable.
type Scope struct {
	slis     []bool // by place; nil: all
	services []bool // by place; nil: all
}

// HasSLI reports whether a scope has an SLI, by its place in the plan.
func (s Scope) HasSLI(i int) bool { return in(s.slis, i) }

// HasService reports whether a scope has a service, by its place in the plan.
func (s Scope) HasService(i int) bool { return in(s.services, i) }

func in(places []bool, i int) bool { return len(places) == 0 || places[i] }

// Scope numbers a subject. ok is false when the plan has nothing of it any
// more.
func (p *Plan) Scope(of Subject) (s Scope, ok bool) {
	if len(of.SLIs) > 0 {
		s.slis = make([]bool, len(p.SLIs))
		for i := range p.SLIs {
			_, s.slis[i] = slices.BinarySearch(of.SLIs, p.SLIs[i].Hash)
		}
	}
	if len(of.Services) > 0 {
		s.services = make([]bool, len(p.Services))
		for i, service := range p.Services {
			_, s.services[i] = slices.BinarySearch(of.Services, service.ID.String())
		}
	}
	return s, (s.slis == nil || slices.Contains(s.slis, true)) && (s.services == nil || slices.Contains(s.services, true))
}

// AskedAlone returns the plan that asks about the services of a scope only, as
// long as they are the lesser part; the rows of its blocks are numbered as
// those of the whole plan.
func (p *Plan) AskedAlone(s Scope) *Plan {
	scoped := map[int]bool{}
	for i, in := range s.services {
		if in {
			scoped[i] = true
		}
	}
	if s.services == nil || 2*len(scoped) > len(p.Services) {
		return p
	}
	alone := *p
	alone.scoped = scoped
	return &alone
}

// Counted returns how far back the ledger needs each counted SLI, by hash: as far
// as its windows reach, and before that as far as cells are remembered, which is
// what the first slots are weighed by.
func (p *Plan) Counted() map[string]time.Duration {
	depths := map[string]time.Duration{}
	for i := range p.SLIs {
		if s := &p.SLIs[i]; s.Check.Kind.Counted() {
			depths[s.Hash] = s.period + slo.CellMemory
		}
	}
	return depths
}

// Has reports whether the plan has a service, by its id.
func (p *Plan) Has(service string) bool {
	namespace, name, _ := strings.Cut(service, "/")
	_, ok := p.Catalog.Index(catalog.ID{Namespace: namespace, Name: name})
	return ok
}

// Wish says which questions are put; nil is for all. It is called concurrently.
type Wish func(*Question) bool

// OnlyCounted wishes for what the ledger needs: questions whose answers are counts.
func OnlyCounted(q *Question) bool { return q.Check.Kind.Counted() }

// Wish is for the questions of a scope, or for those alone that are counted.
func (s Scope) Wish(countedOnly bool) Wish {
	return func(q *Question) bool { return s.HasSLI(q.SLI) && (!countedOnly || OnlyCounted(q)) }
}

// Asks reports whether the plan has an SLI, by its hash.
func (p *Plan) Asks(hash string) bool {
	return slices.ContainsFunc(p.SLIs, func(s SLI) bool { return s.Hash == hash })
}

// Roster returns the ids of the services, in the order of the plan.
func (p *Plan) Roster() []string {
	names := make([]string, len(p.Services))
	for i, service := range p.Services {
		names[i] = service.ID.String()
	}
	return names
}
