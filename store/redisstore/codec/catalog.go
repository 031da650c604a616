package codec

import (
	"fmt"

	"github.com/apgarhq/apgar/catalog"
)

// storedCatalog is a catalog as it is stored.
type storedCatalog struct {
	Services []storedService `json:"services,omitempty"`
	Entities []storedEntity  `json:"entities,omitempty"`
}

// storedService is a service. Maps that are nil and maps that are empty are
// told apart, since the version of a catalog does so.
type storedService struct {
	Namespace   string            `json:"namespace,omitzero"`
	Name        string            `json:"name,omitzero"`
	Kind        string            `json:"kind,omitzero"`
	Title       string            `json:"title,omitzero"`
	Description string            `json:"description,omitzero"`
	Owner       string            `json:"owner,omitzero"`
	System      string            `json:"system,omitzero"`
	Domain      string            `json:"domain,omitzero"`
	Lifecycle   string            `json:"lifecycle,omitzero"`
	Type        string            `json:"type,omitzero"`
	Tier        int               `json:"tier,omitzero"`
	Tags        []string          `json:"tags,omitempty"`
	Labels      map[string]string `json:"labels,omitzero"`
	Annotations map[string]string `json:"annotations,omitzero"`
	Links       map[string]string `json:"links,omitzero"`
	Relations   []storedRelation  `json:"relations,omitempty"`
	Position    storedPosition    `json:"position,omitzero"`
}

type storedEntity struct {
	Kind        string            `json:"kind,omitzero"`
	Namespace   string            `json:"namespace,omitzero"`
	Name        string            `json:"name,omitzero"`
	Title       string            `json:"title,omitzero"`
	Description string            `json:"description,omitzero"`
	Type        string            `json:"type,omitzero"`
	Lifecycle   string            `json:"lifecycle,omitzero"`
	Owner       string            `json:"owner,omitzero"`
	System      string            `json:"system,omitzero"`
	Domain      string            `json:"domain,omitzero"`
	Parent      string            `json:"parent,omitzero"`
	Tags        []string          `json:"tags,omitempty"`
	Labels      map[string]string `json:"labels,omitzero"`
	Annotations map[string]string `json:"annotations,omitzero"`
	Links       map[string]string `json:"links,omitzero"`
	Relations   []storedRelation  `json:"relations,omitempty"`
	Position    storedPosition    `json:"position,omitzero"`
}

type storedRelation struct {
	Type   string `json:"type,omitzero"`
	Target string `json:"target,omitzero"`
}

type storedPosition struct {
	File string `json:"file,omitzero"`
	Line int    `json:"line,omitzero"`
}

// EncodeCatalog returns the payload of a catalog; nil is an empty one.
func EncodeCatalog(snapshot *catalog.Snapshot) ([]byte, error) {
	var stored storedCatalog
	if snapshot != nil {
		stored.Services = convert(snapshot.Services(), newStoredService)
		stored.Entities = convert(snapshot.Entities(), newStoredEntity)
	}
	data, err := marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("encode the catalog: %w", err)
	}
	return data, nil
}

// DecodeCatalog returns the catalog of a payload. It has the version of the one
// that was encoded.
func DecodeCatalog(payload []byte) (*catalog.Snapshot, error) {
	var stored storedCatalog
	if err := unmarshal(payload, &stored); err != nil {
		return nil, fmt.Errorf("decode the catalog: %w", err)
	}
	services := make([]*catalog.Service, len(stored.Services))
	for i := range stored.Services {
		services[i] = stored.Services[i].service()
	}
	entities := make([]*catalog.Entity, len(stored.Entities))
	for i := range stored.Entities {
		entities[i] = stored.Entities[i].entity()
	}
	return catalog.NewSnapshot(services, entities), nil
}

// convert returns what f makes of each item; nil of none.
func convert[From, To any](list []From, f func(From) To) []To {
	if len(list) == 0 {
		return nil
	}
	out := make([]To, len(list))
	for i, item := range list {
		out[i] = f(item)
	}
	return out
}

func newStoredService(s *catalog.Service) storedService {
	return storedService{
		Namespace: s.ID.Namespace, Name: s.ID.Name, Kind: s.Kind, Title: s.Title, Description: s.Description,
		Owner: s.Owner, System: s.System, Domain: s.Domain, Lifecycle: s.Lifecycle, Type: s.Type, Tier: s.Tier,
		Tags: s.Tags, Labels: s.Labels, Annotations: s.Annotations, Links: s.Links,
		Relations: convert(s.Relations, newStoredRelation), Position: storedPosition(s.Position),
	}
}

func (s *storedService) service() *catalog.Service {
	return &catalog.Service{
		ID: catalog.ID{Namespace: s.Namespace, Name: s.Name}, Kind: s.Kind, Title: s.Title, Description: s.Description,
		Owner: s.Owner, System: s.System, Domain: s.Domain, Lifecycle: s.Lifecycle, Type: s.Type, Tier: s.Tier,
		Tags: s.Tags, Labels: s.Labels, Annotations: s.Annotations, Links: s.Links,
		Relations: convert(s.Relations, storedRelation.relation), Position: catalog.Position(s.Position),
	}
}

func newStoredEntity(e *catalog.Entity) storedEntity {
	return storedEntity{
		Kind: e.Kind, Namespace: e.ID.Namespace, Name: e.ID.Name, Title: e.Title, Description: e.Description,
		Type: e.Type, Lifecycle: e.Lifecycle, Owner: e.Owner, System: e.System, Domain: e.Domain, Parent: e.Parent,
		Tags: e.Tags, Labels: e.Labels, Annotations: e.Annotations, Links: e.Links,
		Relations: convert(e.Relations, newStoredRelation), Position: storedPosition(e.Position),
	}
}

func (e *storedEntity) entity() *catalog.Entity {
	return &catalog.Entity{
		Kind: e.Kind, ID: catalog.ID{Namespace: e.Namespace, Name: e.Name}, Title: e.Title, Description: e.Description,
		Type: e.Type, Lifecycle: e.Lifecycle, Owner: e.Owner, System: e.System, Domain: e.Domain, Parent: e.Parent,
		Tags: e.Tags, Labels: e.Labels, Annotations: e.Annotations, Links: e.Links,
		Relations: convert(e.Relations, storedRelation.relation), Position: catalog.Position(e.Position),
	}
}

func newStoredRelation(r catalog.Relation) storedRelation { return storedRelation(r) }
func (r storedRelation) relation() catalog.Relation       { return catalog.Relation(r) }
