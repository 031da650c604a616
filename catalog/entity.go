package catalog

// Entity is a part of the catalog that gets no scorecard of its own: a
// domain, system, group, user, API or resource. An Entity belongs to a
// Snapshot and is immutable once the Snapshot is built.
type Entity struct {
	Kind        string // lower-cased: "domain", "system", "group", "user", "api", "resource"
	ID          ID
	Title       string
	Description string
	Type        string
	Lifecycle   string
	Owner       string // as Service.Owner
	System      string // as Service.System
	Domain      string // of a system
	Parent      string // of a group: the group above it; of a domain: the domain it is part of
	Tags        []string
	Labels      map[string]string
	Annotations map[string]string
	Links       map[string]string
	Relations   []Relation
	Position    Position
}

// Document is what one file holds. Nothing in it has been resolved yet: that
// is what Merge does.
type Document struct {
	Services []*Service
	Entities []*Entity
}

// The kinds that references name. A service is a component.
const (
	kindComponent = "component"
	kindDomain    = "domain"
	kindSystem    = "system"
	kindGroup     = "group"
	kindUser      = "user"
	kindAPI       = "api"
	kindResource  = "resource"
)

// The relations that Parse derives from the fields of an entity.
const (
	relOwnedBy     = "ownedBy"
	relPartOf      = "partOf"
	relDependsOn   = "dependsOn"
	relDependency  = "dependencyOf"
	relProvidesAPI = "providesApi"
	relConsumesAPI = "consumesApi"
	relChildOf     = "childOf"
	relMemberOf    = "memberOf"
)
