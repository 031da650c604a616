package waiver

import (
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// Set holds waivers. It is immutable and safe for concurrent use; nil is the
// empty set. What it returns must not be changed.
type Set struct {
	waivers []Waiver // by id
	ranked  []Waiver // as Exemptions are ordered

	// Places in ranked, ascending, by what the waivers are for: most services
	// have none, and finding that out must not cost a look at each.
	services  map[catalog.ID][]int
	owners    map[string][]int
	systems   map[string][]int
	selectors []int
}

// NewSet builds a set. Of two waivers with the same id the first stands.
func NewSet(waivers ...Waiver) *Set {
	s := &Set{services: map[catalog.ID][]int{}, owners: map[string][]int{}, systems: map[string][]int{}}
	seen := make(map[string]bool, len(waivers))
	for _, w := range waivers {
		if !seen[w.ID] {
			seen[w.ID] = true
			s.waivers = append(s.waivers, w)
		}
	}
	slices.SortFunc(s.waivers, func(a, b Waiver) int { return strings.Compare(a.ID, b.ID) })
	s.ranked = slices.Clone(s.waivers)
	slices.SortStableFunc(s.ranked, func(a, b Waiver) int { return b.Expires.Compare(a.Expires) })
	for i, w := range s.ranked {
		switch t := w.Target; {
		case t.Selector != nil:
			s.selectors = append(s.selectors, i)
		case t.Owner != "":
			s.owners[t.Owner] = append(s.owners[t.Owner], i)
		case t.System != "":
			s.systems[t.System] = append(s.systems[t.System], i)
		default:
			s.services[t.Service] = append(s.services[t.Service], i)
		}
	}
	return s
}

// Waivers returns all of them, whether in force or not, by id.
func (s *Set) Waivers() []Waiver {
	if s == nil {
		return nil
	}
	return s.waivers
}

// Len returns the number of waivers.
func (s *Set) Len() int { return len(s.Waivers()) }

// Exemptions are the waivers that cover one service at whatever time: the one
// that expires last first, then by id.
type Exemptions []Waiver

// Of returns the exemptions of a service. They are the same for as long as the
// set and the catalog are. A waiver whose selector cannot be evaluated exempts
// nobody; Review reports it.
func (s *Set) Of(service *catalog.Service) Exemptions {
	if s == nil {
		return nil
	}
	places := slices.Concat(s.services[service.ID], s.owners[service.Owner], s.systems[service.System])
	for _, i := range s.selectors {
		if covers, err := s.ranked[i].Target.Covers(service); err == nil && covers {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	var out Exemptions
	for _, i := range places {
		out = append(out, s.ranked[i])
	}
	return out
}

// For returns the waiver that exempts the service from a check of a rubric at
// a time. Of several it is the one that expires last, and of those the first by
// id.
func (e Exemptions) For(rubric, check string, at time.Time) (Waiver, bool) {
	for _, w := range e {
		if w.InForce(at) && w.Exempts(rubric, check) {
			return w, true
		}
	}
	return Waiver{}, false
}
