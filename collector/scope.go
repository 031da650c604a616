package collector

import (
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// subject is what a question about the past is about: all services, or some of
// them; all SLIs, or some of them. The zero subject is everything. It goes by
// names, which outlive a plan.
type subject struct {
	SLIs     []string `json:"slis,omitempty"` // hashes, sorted; none: all that are counted
	Services []string `json:"services,omitempty"`
}

func (s subject) whole() bool { return len(s.SLIs) == 0 && len(s.Services) == 0 }

// name tells subjects apart.
func (s subject) name() string {
	return strings.Join(s.SLIs, "\n") + "\n\n" + strings.Join(s.Services, "\n")
}

// scope is a subject as a plan numbers it. The zero scope is everything.
type scope struct {
	slis     []bool // by place; nil: all
	services []bool // by place; nil: all
}

func (s scope) sli(i int) bool { return in(s.slis, i) }

func (s scope) service(i int) bool { return in(s.services, i) }

func in(places []bool, i int) bool { return len(places) == 0 || places[i] }

// scope numbers a subject. ok is false when the plan has nothing of it any
// more.
func (p *Plan) scope(of subject) (s scope, ok bool) {
	if len(of.SLIs) > 0 {
		s.slis = make([]bool, len(p.slis))
		for i := range p.slis {
			_, s.slis[i] = slices.BinarySearch(of.SLIs, p.slis[i].hash)
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

// askedAlone returns the plan that asks about the services of a scope only, as
// long as they are the lesser part; the rows of its blocks are numbered as
// those of the whole plan.
func (p *Plan) askedAlone(s scope) *Plan {
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

// counted returns how far back the ledger needs each counted SLI, by hash.
func (p *Plan) counted() map[string]time.Duration {
	depths := map[string]time.Duration{}
	for i := range p.slis {
		if s := &p.slis[i]; s.check.Kind.Counted() {
			depths[s.hash] = s.period
		}
	}
	return depths
}

// has reports whether a service of this name is in the plan.
func (p *Plan) has(service string) bool {
	namespace, name, _ := strings.Cut(service, "/")
	_, ok := p.Catalog.Index(catalog.ID{Namespace: namespace, Name: name})
	return ok
}

// wish says which questions are put; nil is for all.
type wish func(*question) bool

func onlyCounted(q *question) bool { return q.check.Kind.Counted() }

// wish is for the questions of a scope.
func (s scope) wish(countedOnly bool) wish {
	return func(q *question) bool { return s.sli(q.sli) && (!countedOnly || onlyCounted(q)) }
}

// asks reports whether an SLI is in the plan.
func (p *Plan) asks(hash string) bool {
	return slices.ContainsFunc(p.slis, func(s sli) bool { return s.hash == hash })
}

// roster names the services of the plan.
func (p *Plan) roster() []string {
	names := make([]string, len(p.Services))
	for i, service := range p.Services {
		names[i] = service.ID.String()
	}
	return names
}
