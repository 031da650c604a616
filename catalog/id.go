package catalog

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/apgarhq/apgar/catalog/strict"
)

// DefaultNamespace is the namespace of an entity that names none.
const DefaultNamespace = "default"

const idRule = "it must start with a letter or digit and have at most 63 letters, digits, dots, dashes and underscores"

var (
	idPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	kindPattern = regexp.MustCompile(`^[a-z][a-z0-9]{0,62}$`)
)

// ParseID reads "namespace/name", or "name" in the namespace default. Letters
// are lower-cased.
func ParseID(s string) (ID, error) {
	return parseID(s, DefaultNamespace)
}

// parseID reads an id that may leave its namespace out.
func parseID(s, namespace string) (ID, error) {
	name := s
	if before, after, found := strings.Cut(s, "/"); found {
		namespace, name = before, after
	}
	id := ID{Namespace: strings.ToLower(namespace), Name: strings.ToLower(name)}
	if !idPattern.MatchString(id.Namespace) {
		return ID{}, fmt.Errorf("%q is no namespace: %s", strict.Clip(namespace), idRule)
	}
	if !idPattern.MatchString(id.Name) {
		return ID{}, fmt.Errorf("%q is no name: %s", strict.Clip(name), idRule)
	}
	return id, nil
}

// ShortRef reads an entity reference as files have them, such as "team-listen" or
// "group:default/team-listen", and returns it as Service.Owner and
// Service.System have it: lower-cased, without the kind and the default
// namespace.
func ShortRef(s string) (string, error) {
	r, err := parseRef(s, kindGroup, DefaultNamespace)
	if err != nil {
		return "", err
	}
	return r.short(), nil
}

// entityRef is an entity reference: "component:default/tracks".
type entityRef struct {
	Kind string
	ID   ID
}

// String returns the whole reference, lower-cased.
func (r entityRef) String() string { return r.Kind + ":" + r.ID.String() }

// short returns the reference without its kind and the default namespace.
func (r entityRef) short() string {
	if r.ID.Namespace == DefaultNamespace {
		return r.ID.Name
	}
	return r.ID.String()
}

// parseRef reads "[kind:][namespace/]name". What is left out is taken from kind
// and namespace.
func parseRef(s, kind, namespace string) (entityRef, error) {
	rest := s
	if before, after, found := strings.Cut(s, ":"); found {
		kind, rest = strings.ToLower(before), after
	}
	if !kindPattern.MatchString(kind) {
		return entityRef{}, fmt.Errorf("%q is no reference: write kind:namespace/name, e.g. group:default/team-listen", strict.Clip(s))
	}
	id, err := parseID(rest, namespace)
	if err != nil {
		return entityRef{}, fmt.Errorf("%q is no reference such as group:default/team-listen: %w", strict.Clip(s), err)
	}
	return entityRef{Kind: kind, ID: id}, nil
}
