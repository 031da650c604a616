package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Snapshot is a whole catalog at one moment. It is immutable and safe for
// concurrent use; what it returns must not be changed.
type Snapshot struct {
	services []*Service
	entities []*Entity
	index    map[ID]int
	byRef    map[entityRef]*Entity
	version  string
}

// NewSnapshot builds a snapshot of services and entities as they are. Of two
// with the same id (and kind, for entities) the first stands. It takes
// ownership of what the pointers refer to.
func NewSnapshot(services []*Service, entities []*Entity) *Snapshot {
	s := &Snapshot{index: make(map[ID]int, len(services)), byRef: make(map[entityRef]*Entity, len(entities))}
	seen := make(map[ID]bool, len(services))
	for _, service := range services {
		if !seen[service.ID] {
			seen[service.ID] = true
			s.services = append(s.services, service)
		}
	}
	slices.SortFunc(s.services, func(a, b *Service) int { return a.ID.Compare(b.ID) })
	for i, service := range s.services {
		s.index[service.ID] = i
	}
	for _, e := range entities {
		key := entityRef{Kind: e.Kind, ID: e.ID}
		if s.byRef[key] == nil {
			s.byRef[key] = e
			s.entities = append(s.entities, e)
		}
	}
	slices.SortFunc(s.entities, func(a, b *Entity) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), a.ID.Compare(b.ID))
	})
	s.version = s.hash()
	return s
}

// Services returns the services, sorted by id.
func (s *Snapshot) Services() []*Service { return s.services }

// Len returns the number of services.
func (s *Snapshot) Len() int { return len(s.services) }

// Service returns the service of an id.
func (s *Snapshot) Service(id ID) (*Service, bool) {
	i, ok := s.index[id]
	if !ok {
		return nil, false
	}
	return s.services[i], true
}

// Index returns the place of a service in Services.
func (s *Snapshot) Index(id ID) (int, bool) {
	i, ok := s.index[id]
	return i, ok
}

// Entities returns the other entities, sorted by kind and id.
func (s *Snapshot) Entities() []*Entity { return s.entities }

// Entity returns an entity by its kind, lower-cased, and id.
func (s *Snapshot) Entity(kind string, id ID) (*Entity, bool) {
	e, ok := s.byRef[entityRef{Kind: kind, ID: id}]
	return e, ok
}

// Version returns 12 hex digits over what the catalog says. Where it says so,
// in which file and line, and in which order, does not matter.
func (s *Snapshot) Version() string { return s.version }

func (s *Snapshot) hash() string {
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for _, service := range s.services {
		_ = encoder.Encode(service.meaning()) // texts and numbers into a hash: cannot fail
	}
	for _, e := range s.entities {
		meaning := *e
		meaning.Position, meaning.Tags, meaning.Relations = Position{}, sorted(e.Tags), sortedRelations(e.Relations)
		_ = encoder.Encode(meaning)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Version returns 12 hex digits over what the catalog says of the service, as
// Snapshot.Version does over all.
func (s *Service) Version() string {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(s.meaning()) // as above
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// meaning is the service without its place, and without an order where none
// matters.
func (s *Service) meaning() Service {
	m := *s
	m.Position, m.Tags, m.Relations = Position{}, sorted(s.Tags), sortedRelations(s.Relations)
	return m
}

func sorted(texts []string) []string {
	return slices.Sorted(slices.Values(texts))
}

func sortedRelations(relations []Relation) []Relation {
	return slices.SortedFunc(slices.Values(relations), func(a, b Relation) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Target, b.Target))
	})
}

// kinds returns the kinds of entity that the catalog has at all.
func (s *Snapshot) kinds() map[string]bool {
	kinds := map[string]bool{}
	for key := range maps.Keys(s.byRef) {
		kinds[key.Kind] = true
	}
	return kinds
}
