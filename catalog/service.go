// Package catalog says which services exist and who owns them: it parses
// catalog files, merges them into an immutable snapshot, and evaluates CEL over
// services. It reads no files and asks no servers: its sub-packages and its
// callers do that.
package catalog

import (
	"cmp"
	"strings"
)

// Service is a catalog entity that gets scorecards. A Service belongs to a
// Snapshot and is immutable once the Snapshot is built.
type Service struct {
	ID          ID
	Kind        string // Backstage kind, lower-cased; "component" unless said
	Title       string
	Description string
	Owner       string // as written, without the kind and default namespace: "team-listen"
	System      string
	Domain      string // of its system, where the catalog knows the system
	Lifecycle   string
	Type        string
	Tier        int // 1 (most critical) to 4; 0 when none was given
	Tags        []string
	Labels      map[string]string
	Annotations map[string]string
	Links       map[string]string // by type, else by lower-cased title
	Relations   []Relation
	Position    Position
}

// ID names a service or another entity: a namespace and a name, both
// lower-cased and matching [a-z0-9][a-z0-9._-]{0,62}.
type ID struct {
	Namespace string
	Name      string
}

// String returns "namespace/name".
func (id ID) String() string { return id.Namespace + "/" + id.Name }

// Compare orders ids by namespace, then by name.
func (id ID) Compare(other ID) int {
	return cmp.Or(strings.Compare(id.Namespace, other.Namespace), strings.Compare(id.Name, other.Name))
}

// Relation is one edge of the catalog, as Backstage has them: "dependsOn",
// "ownedBy", "partOf", "providesApi", "consumesApi". Target is an entity
// reference, lower-cased: "component:default/tracks".
type Relation struct {
	Type   string
	Target string
}

// Position is a place in a file, for messages. Line counts from 1; 0 means
// that only the file is known.
type Position struct {
	File string
	Line int
}
