package catalog

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

// backstage reads one entity descriptor. Fields that mean nothing here are
// ignored, as are kinds: a descriptor is written for Backstage first.
func (p *fileParser) backstage(m *strict.Map) {
	e := &entityReader{Map: m, file: p, relative: true}
	kind := strings.ToLower(m.Text("kind"))
	switch kind {
	case kindComponent, kindDomain, kindSystem, kindGroup, kindUser, kindAPI, kindResource:
	case "":
		m.Mistake(m.Line(), "kind is missing: add e.g. \"kind: Component\"")
		return
	default:
		return
	}
	e.Name("this " + kind)
	meta, spec := m.Map("metadata"), m.Map("spec")
	if name := meta.Text("name"); name != "" {
		e.Name(fmt.Sprintf("%s %q", kind, strict.Clip(name)))
	}
	meta.Name("the metadata of " + e.What())
	spec.Name("the spec of " + e.What())
	e.identify(meta)
	out := e.descriptor(kind, meta, spec)
	if e.Bad() {
		return
	}
	if kind != kindComponent {
		p.out.Entities = append(p.out.Entities, out)
		return
	}
	s := out.service()
	s.Tier, _ = e.annotatedTier(s.Annotations)
	if !e.Bad() {
		p.out.Services = append(p.out.Services, s)
	}
}

// descriptor reads the fields of all kinds: each kind leaves empty what it has
// not.
func (e *entityReader) descriptor(kind string, meta, spec *strict.Map) *Entity {
	out := &Entity{
		Kind:        kind,
		ID:          e.id,
		Title:       e.title,
		Description: e.description(meta),
		Type:        e.line(spec, "type"),
		Lifecycle:   e.line(spec, "lifecycle"),
		Owner:       e.refField(spec, "owner", kindGroup, relOwnedBy),
		System:      e.refField(spec, "system", kindSystem, relPartOf),
		Domain:      e.refField(spec, "domain", kindDomain, relPartOf),
		Tags:        e.tags(meta),
		Labels:      e.labels(meta),
		Annotations: e.annotations(meta),
		Position:    e.file.at(e.Line()),
	}
	switch kind {
	case kindComponent:
		e.refField(spec, "subcomponentOf", kindComponent, relPartOf)
		e.refList(spec, "providesApis", kindAPI, relProvidesAPI)
		e.refList(spec, "consumesApis", kindAPI, relConsumesAPI)
	case kindGroup:
		out.Parent = e.refField(spec, "parent", kindGroup, relChildOf)
	case kindUser:
		e.refList(spec, "memberOf", kindGroup, relMemberOf)
		out.Title = e.displayName(spec, out.Title)
	case kindDomain:
		out.Parent = e.refField(spec, "subdomainOf", kindDomain, relPartOf)
	}
	e.refList(spec, "dependsOn", kindComponent, relDependsOn)
	e.refList(spec, "dependencyOf", kindComponent, relDependency)
	for _, n := range e.List("relations") {
		e.relation(n)
	}
	for _, n := range meta.List("links") {
		e.link(n)
	}
	out.Links, out.Relations = e.links, e.relations
	return out
}

func (e *entityReader) displayName(spec *strict.Map, title string) string {
	if name := e.line(spec.Map("profile"), "displayName"); name != "" {
		return name
	}
	return title
}

// relation reads one element of the relations that Backstage's API adds.
func (e *entityReader) relation(n *yaml.Node) {
	m := e.Source().Map(n, "a relation of "+e.What())
	relation, target := m.Text("type"), m.Text("targetRef")
	if relation == "" || target == "" {
		m.Mistake(n.Line, "a relation of %s needs type and targetRef", e.What())
		return
	}
	r, err := parseRef(target, kindComponent, e.namespace())
	if err != nil {
		m.Mistake(n.Line, "a relation of %s: %s", e.What(), err)
		return
	}
	e.relate(relation, r)
	if len(e.relations) > maxRelations {
		m.Mistake(n.Line, "%s has more than %d relations", e.What(), maxRelations)
	}
}

// link reads one element of metadata.links.
func (e *entityReader) link(n *yaml.Node) {
	m := e.Source().Map(n, "a link of "+e.What())
	name := m.Text("type")
	if name == "" {
		name = m.Text("title")
	}
	e.addLink(name, m.Text("url"), n.Line)
}

// service turns a component into a service.
func (e *Entity) service() *Service {
	return &Service{
		ID:          e.ID,
		Kind:        e.Kind,
		Title:       e.Title,
		Description: e.Description,
		Owner:       e.Owner,
		System:      e.System,
		Domain:      e.Domain,
		Lifecycle:   e.Lifecycle,
		Type:        e.Type,
		Tags:        e.Tags,
		Labels:      e.Labels,
		Annotations: e.Annotations,
		Links:       e.Links,
		Relations:   e.Relations,
		Position:    e.Position,
	}
}
