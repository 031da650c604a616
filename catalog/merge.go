package catalog

import (
	"fmt"
	"strings"
)

// Merge puts documents together. Of two entities with the same id the first,
// in the order of docs, stands; the other is reported with both places. A
// service without a domain gets its system's. References to entities that do
// not exist are warnings, and only where the catalog has entities of that kind
// at all: a list of services needs no groups. The documents are not changed.
func Merge(docs ...Document) (*Snapshot, []Problem) {
	m := merger{services: map[ID]*Service{}, entities: map[entityRef]*Entity{}}
	for _, d := range docs {
		m.add(d)
	}
	m.breakCircles(kindGroup)
	m.breakCircles(kindDomain)
	for _, s := range m.orderedServices {
		m.inheritDomain(s)
	}
	snapshot := NewSnapshot(m.orderedServices, m.orderedEntities)
	m.resolve(snapshot)
	Problems(m.problems).Sort()
	return snapshot, m.problems
}

// merger holds copies: what it changes belongs to nobody else yet.
type merger struct {
	services        map[ID]*Service
	entities        map[entityRef]*Entity
	orderedServices []*Service
	orderedEntities []*Entity
	problems        []Problem
}

func (m *merger) add(d Document) {
	for _, s := range d.Services {
		if first, taken := m.services[s.ID]; taken {
			m.duplicate("service", s.ID, s.Position, first.Position)
			continue
		}
		own := *s
		m.services[s.ID] = &own
		m.orderedServices = append(m.orderedServices, &own)
	}
	for _, e := range d.Entities {
		key := entityRef{Kind: e.Kind, ID: e.ID}
		if first, taken := m.entities[key]; taken {
			m.duplicate(e.Kind, e.ID, e.Position, first.Position)
			continue
		}
		own := *e
		m.entities[key] = &own
		m.orderedEntities = append(m.orderedEntities, &own)
	}
}

func (m *merger) duplicate(kind string, id ID, at, first Position) {
	m.problems = append(m.problems, Problem{
		Position: at,
		Message:  fmt.Sprintf("%s %s is already defined at %s, which stands: rename or remove one of them", kind, id, first),
	})
}

func (m *merger) warn(at Position, format string, args ...any) {
	m.problems = append(m.problems, Problem{Position: at, Warning: true, Message: fmt.Sprintf(format, args...)})
}

// breakCircles cuts the parent of an entity that would be its own ancestor, so
// that whoever walks up comes to an end.
func (m *merger) breakCircles(kind string) {
	for _, e := range m.orderedEntities {
		if e.Kind != kind {
			continue
		}
		seen := map[string]bool{}
		for at := e; at != nil && at.Parent != ""; at = m.named(kind, at.Parent) {
			if seen[at.ID.String()] {
				m.warn(at.Position, "%s %s is its own ancestor: its parent %q is ignored", kind, at.ID, at.Parent)
				at.Parent = ""
				break
			}
			seen[at.ID.String()] = true
		}
	}
}

// named returns the entity that a short reference names, or nil.
func (m *merger) named(kind, short string) *Entity {
	id, err := ParseID(short)
	if err != nil {
		return nil
	}
	return m.entities[entityRef{Kind: kind, ID: id}]
}

func (m *merger) inheritDomain(s *Service) {
	if s.Domain != "" || s.System == "" {
		return
	}
	if system := m.named(kindSystem, s.System); system != nil {
		s.Domain = system.Domain
	}
}

// resolve warns of relations that lead nowhere.
func (m *merger) resolve(snapshot *Snapshot) {
	kinds := snapshot.kinds()
	kinds[kindComponent] = len(m.services) > 0
	exists := func(target string) bool {
		kind, rest, _ := strings.Cut(target, ":")
		id, err := ParseID(rest)
		if err != nil || !kinds[kind] {
			return true
		}
		if kind == kindComponent {
			return m.services[id] != nil
		}
		return m.entities[entityRef{Kind: kind, ID: id}] != nil
	}
	for _, s := range m.orderedServices {
		for _, r := range s.Relations {
			if !exists(r.Target) {
				m.warn(s.Position, "service %s: %s %s is not in the catalog: add it, or mend the reference", s.ID, phrase(r.Type), r.Target)
			}
		}
	}
}

// phrase says a relation in words.
func phrase(relation string) string {
	switch relation {
	case relOwnedBy:
		return "its owner"
	case relPartOf:
		return "what it is part of,"
	case relDependsOn:
		return "what it depends on,"
	}
	return "the target of its relation " + relation + ","
}
