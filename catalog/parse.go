package catalog

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
)

// What a catalog file may hold. Whatever exceeds a limit is refused alone.
const (
	MaxFileBytes  = 4 << 20 // of one file
	maxDocuments  = 10_000
	maxDepth      = 32
	maxValueBytes = 4 << 10
	maxItems      = 100   // labels, annotations, links or tags of an entity
	maxRelations  = 1_000 // of an entity
	maxServices   = 100_000
)

const apiVersion = "apgar.dev/v1"

// Parse reads one catalog file: YAML documents in our format or in Backstage's,
// told apart by the apiVersion of each. An entity with a mistake is left out
// and reported; an entity with a link or an annotation of ours that cannot be
// used is loaded without it, and that is reported. Name stands in positions.
func Parse(name string, data []byte) (Document, []Problem) {
	p := &fileParser{name: name}
	limits := strict.Limits{Bytes: MaxFileBytes, Documents: maxDocuments, Depth: maxDepth}
	roots := strict.Documents(data, limits, p.report)
	for _, root := range roots {
		p.document(root)
	}
	if len(roots) == 0 && len(p.problems) == 0 {
		p.problems = append(p.problems, Problem{Position: p.at(1), Warning: true, Message: "the file is empty: add services, or remove the file"})
	}
	Problems(p.problems).Sort()
	return p.out, p.problems
}

// ParseServices reads entries of our services list that stand in a file of
// another kind, as strict.Documents returned them. It goes on as Parse does.
func ParseServices(name string, nodes []*yaml.Node) (Document, []Problem) {
	p := &fileParser{name: name}
	p.services(nodes)
	Problems(p.problems).Sort()
	return p.out, p.problems
}

// fileParser collects what one file holds.
type fileParser struct {
	name     string
	out      Document
	problems []Problem
}

func (p *fileParser) report(line int, message string) {
	p.problems = append(p.problems, Problem{Position: p.at(line), Message: message})
}

// source is for a part of the file whose mistakes concern it alone.
func (p *fileParser) source() strict.Source {
	return strict.Source{ValueBytes: maxValueBytes, Report: p.report}
}

func (p *fileParser) at(line int) Position { return Position{File: p.name, Line: line} }

func (p *fileParser) document(root *yaml.Node) {
	m := p.source().Map(root, "the document")
	if m.Bad() {
		return
	}
	switch version := m.Text("apiVersion"); {
	case version == apiVersion:
		p.ours(m)
	case strings.HasPrefix(version, "backstage.io/v1"):
		p.backstage(m)
	case m.Has("apiVersion"):
		m.Mistake(m.LineOf("apiVersion"), "apiVersion %q is not known: write %q for our format or \"backstage.io/v1alpha1\" for Backstage's", strict.Clip(version), apiVersion)
	case m.Has("services"):
		m.Mistake(m.Line(), "apiVersion is missing: add \"apiVersion: %s\" as the first line", apiVersion)
	default:
		m.Mistake(m.Line(), "apiVersion is missing: add \"apiVersion: %s\" and a list of services, or use Backstage's format", apiVersion)
	}
}

// ours reads a document of our format.
func (p *fileParser) ours(m *strict.Map) {
	nodes := m.List("services")
	if len(nodes) > maxServices {
		m.Mistake(m.LineOf("services"), "the document has %d services, but at most %d are read: split it", len(nodes), maxServices)
		nodes = nodes[:maxServices]
	}
	if !m.Has("services") {
		m.Mistake(m.Line(), "services is missing: list the services under \"services:\"")
	}
	m.Done()
	p.services(nodes)
}

func (p *fileParser) services(nodes []*yaml.Node) {
	for i, n := range nodes {
		if s, ok := p.service(n, i+1); ok {
			p.out.Services = append(p.out.Services, s)
		}
	}
}

// service reads one entry of our services list.
func (p *fileParser) service(n *yaml.Node, number int) (*Service, bool) {
	e := p.open(n, fmt.Sprintf("service %d of the list", number))
	if name := e.Text("name"); name != "" {
		e.Name(fmt.Sprintf("service %q", strict.Clip(name)))
	}
	e.identify(e.Map)
	s := &Service{
		ID:          e.id,
		Kind:        kindComponent,
		Title:       e.title,
		Description: e.description(e.Map),
		Owner:       e.refField(e.Map, "owner", kindGroup, relOwnedBy),
		System:      e.refField(e.Map, "system", kindSystem, relPartOf),
		Domain:      e.refField(e.Map, "domain", kindDomain, ""),
		Lifecycle:   e.line(e.Map, "lifecycle"),
		Type:        e.line(e.Map, "type"),
		Tier:        e.tierField(),
		Position:    p.at(e.Line()),
	}
	s.Tags, s.Labels, s.Annotations = e.tags(e.Map), e.labels(e.Map), e.annotations(e.Map)
	for _, link := range e.Pairs("links") {
		e.addLink(link.Key, link.Value, link.Line)
	}
	if tier, ok := e.annotatedTier(s.Annotations); ok && s.Tier == 0 {
		s.Tier = tier
	}
	e.refList(e.Map, "depends_on", kindComponent, relDependsOn)
	e.Done()
	s.Links, s.Relations = e.links, e.relations
	return s, !e.Bad()
}
