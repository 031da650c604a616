package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/internal/demo/fleet"
)

// The files that a user of Apgar would write, as Apgar reads them.

type catalogFile struct {
	APIVersion string         `yaml:"apiVersion"`
	Services   []catalogEntry `yaml:"services"`
}

type catalogEntry struct {
	Name        string            `yaml:"name"`
	Namespace   string            `yaml:"namespace"`
	Title       string            `yaml:"title"`
	Owner       string            `yaml:"owner,omitempty"`
	System      string            `yaml:"system"`
	Tier        int               `yaml:"tier,omitempty"`
	Lifecycle   string            `yaml:"lifecycle"`
	Type        string            `yaml:"type"`
	Tags        []string          `yaml:"tags,flow"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
	Links       map[string]string `yaml:"links,omitempty"`
	DependsOn   []string          `yaml:"depends_on,omitempty,flow"`
}

// entity is a Backstage entity, of the kinds that the demo uses.
type entity struct {
	APIVersion string         `yaml:"apiVersion"`
	Kind       string         `yaml:"kind"`
	Metadata   entityMetadata `yaml:"metadata"`
	Spec       map[string]any `yaml:"spec"`
}

type entityMetadata struct {
	Name        string            `yaml:"name"`
	Title       string            `yaml:"title"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
	Tags        []string          `yaml:"tags,omitempty,flow"`
	Links       []entityLink      `yaml:"links,omitempty"`
}

type entityLink struct {
	URL   string `yaml:"url"`
	Title string `yaml:"title"`
	Type  string `yaml:"type"`
}

const settings = `global:
  evaluation_interval: 15s
  query_delay: 2s
sources:
%scatalog:
  files: [catalog/*.yml]
rubrics:
  packs: [http]
  files: [rubrics/*.yml]
`

const readiness = `rubrics:
  - name: readiness
    title: Production readiness
    levels: [bronze, silver]
    checks:
      - name: owner
        title: Somebody answers for it
        why: A service without an owner has nobody to call when it fails.
        fix: Set the owner in the service catalog.
        severity: high
        level: bronze
        catalog: 'service.owner != ""'
      - name: tier
        title: Its importance is stated
        why: Without a tier nobody knows which of two broken services to mend first.
        fix: Set the tier, from 1 (most critical) to 4, in the service catalog.
        severity: medium
        level: bronze
        catalog: 'service.tier > 0'
      - name: runbook
        title: It has a runbook
        why: Whoever is woken at night may never have seen this service.
        fix: Write the runbook and link it from the service catalog as "runbook".
        severity: high
        level: silver
        catalog: '"runbook" in service.links'
      - name: dashboard
        title: It has a dashboard
        why: The first question in an incident is what changed, and a dashboard shows it.
        fix: Link the dashboard from the service catalog as "dashboard".
        severity: low
        level: silver
        catalog: '"dashboard" in service.links'
`

// writeFiles writes the configuration, the catalog and a rubric into dir. Sources are at prometheusURL/<cluster>.
func writeFiles(dir, prometheusURL string, f *fleet.Fleet) error {
	var sources bytes.Buffer
	for _, cluster := range fleet.Clusters() {
		fmt.Fprintf(&sources, "  - name: %s\n    query_delay: 2s\n    replicas: [{url: %q}]\n", cluster, prometheusURL+"/"+cluster)
	}
	services, components, err := catalogFiles(f)
	if err != nil {
		return err
	}
	organisation, err := documents(organisation(f))
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"apgar.yml":              fmt.Appendf(nil, settings, sources.String()),
		"catalog/services.yml":   services,
		"catalog/components.yml": components,
		"catalog/org.yml":        organisation,
		"rubrics/readiness.yml":  []byte(readiness),
	} {
		if len(content) == 0 {
			continue // a fleet so small that it has no components
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fmt.Errorf("making the folder of the demo's %s: %w", name, err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("writing the demo's %s: %w (is the temporary folder writable and not full?)", name, err)
		}
	}
	return nil
}

// asComponent says which services are described in Backstage's format, so that both formats are shown.
func asComponent(i int) bool { return i%10 == 3 && i < 60 }

func catalogFiles(f *fleet.Fleet) (services, components []byte, err error) {
	ours := catalogFile{APIVersion: "apgar.dev/v1", Services: []catalogEntry{}}
	var theirs []entity
	for i, s := range f.Services {
		if asComponent(i) {
			theirs = append(theirs, component(s))
			continue
		}
		entry := catalogEntry{
			Name: s.Name, Namespace: "default", Title: s.Title, Owner: s.Owner, System: s.System, Tier: s.Tier,
			Lifecycle: s.Lifecycle, Type: "service", Tags: s.Tags, Links: s.Links,
			Annotations: map[string]string{"prometheus.io/job": s.Name},
		}
		for _, name := range s.DependsOn {
			entry.DependsOn = append(entry.DependsOn, "default/"+name)
		}
		ours.Services = append(ours.Services, entry)
	}
	if services, err = yaml.Marshal(ours); err != nil {
		return nil, nil, fmt.Errorf("encoding the demo's services: %w", err)
	}
	components, err = documents(theirs)
	return services, components, err
}

const backstage = "backstage.io/v1alpha1"

func component(s fleet.Service) entity {
	e := entity{
		APIVersion: backstage, Kind: "Component",
		Metadata: entityMetadata{Name: s.Name, Title: s.Title, Tags: s.Tags, Annotations: map[string]string{"prometheus.io/job": s.Name}},
		Spec:     map[string]any{"type": "service", "lifecycle": s.Lifecycle, "system": s.System},
	}
	if s.Owner != "" {
		e.Spec["owner"] = s.Owner
	}
	if s.Tier > 0 {
		e.Metadata.Annotations["apgar.dev/tier"] = strconv.Itoa(s.Tier)
	}
	for _, kind := range []string{"runbook", "dashboard", "source"} {
		if url, ok := s.Links[kind]; ok {
			e.Metadata.Links = append(e.Metadata.Links, entityLink{URL: url, Title: kind, Type: kind})
		}
	}
	var depends []string
	for _, name := range slices.Sorted(slices.Values(s.DependsOn)) {
		depends = append(depends, "component:default/"+name)
	}
	if len(depends) > 0 {
		e.Spec["dependsOn"] = depends
	}
	return e
}

func organisation(f *fleet.Fleet) []entity {
	var found []entity
	add := func(kind, name, title string, spec map[string]any) {
		found = append(found, entity{APIVersion: backstage, Kind: kind, Metadata: entityMetadata{Name: name, Title: title}, Spec: spec})
	}
	for _, d := range f.Domains {
		add("Domain", d.Name, d.Title, map[string]any{"owner": d.Owner})
	}
	for _, s := range f.Systems {
		add("System", s.Name, s.Title, map[string]any{"owner": s.Owner, "domain": s.Domain})
	}
	for _, t := range f.Teams {
		add("Group", t.Name, t.Title, map[string]any{"type": "team", "children": []string{}, "profile": map[string]any{"displayName": t.Title}})
	}
	return found
}

// documents encodes entities as one YAML file of several documents; none make an empty file.
func documents(entities []entity) ([]byte, error) {
	if len(entities) == 0 {
		return nil, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	for _, e := range entities {
		if err := encoder.Encode(e); err != nil {
			return nil, fmt.Errorf("encoding the demo's %s %s: %w", e.Kind, e.Metadata.Name, err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("encoding the demo's entities: %w", err)
	}
	return out.Bytes(), nil
}
