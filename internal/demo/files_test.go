package demo

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/internal/demo/fleet"
)

func files(t *testing.T, services int) (string, *fleet.Fleet) {
	t.Helper()
	f, err := fleet.Generate(1, services)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, writeFiles(dir, "http://127.0.0.1:9999", f))
	return dir, f
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return text
}

// entities decodes a file of several documents, strictly.
func entities(t *testing.T, text []byte) []entity {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var found []entity
	for {
		var e entity
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		require.Equal(t, backstage, e.APIVersion)
		found = append(found, e)
	}
}

func TestTheSettingsNameEverySource(t *testing.T) {
	dir, _ := files(t, 60)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(read(t, dir, "apgar.yml"), &got))
	source := func(name string) any {
		return map[string]any{"name": name, "query_delay": "2s", "replicas": []any{map[string]any{"url": "http://127.0.0.1:9999/" + name}}}
	}
	require.Equal(t, map[string]any{
		"global":  map[string]any{"evaluation_interval": "15s", "query_delay": "2s"},
		"sources": []any{source("eu-west"), source("us-east"), source("ap-south")},
		"catalog": map[string]any{"files": []any{"catalog/*.yml"}},
		"rubrics": map[string]any{"packs": []any{"http"}, "files": []any{"rubrics/*.yml"}},
	}, got)
	for _, pattern := range []string{"catalog/*.yml", "rubrics/*.yml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		require.NotEmpty(t, found)
	}
}

func TestEveryServiceIsInExactlyOneCatalogFile(t *testing.T) {
	for _, size := range []int{1, 60, 600} {
		dir, f := files(t, size)
		var ours catalogFile
		require.NoError(t, yaml.Unmarshal(read(t, dir, "catalog/services.yml"), &ours))
		require.Equal(t, "apgar.dev/v1", ours.APIVersion)
		seen := map[string]int{}
		for _, s := range ours.Services {
			seen[s.Name]++
			require.Equal(t, "default", s.Namespace)
			require.Contains(t, s.Tags, "http")
		}
		var components []entity
		if size >= 60 {
			components = entities(t, read(t, dir, "catalog/components.yml"))
			require.Len(t, components, 6)
		} else {
			require.NoFileExists(t, filepath.Join(dir, "catalog", "components.yml"))
		}
		for _, e := range components {
			seen[e.Metadata.Name]++
			require.Equal(t, "Component", e.Kind)
			require.Equal(t, "service", e.Spec["type"])
		}
		require.Len(t, seen, size)
		for _, s := range f.Services {
			require.Equal(t, 1, seen[s.Name], s.Name)
		}
	}
}

func TestTheOrganisationHasTheOwnersSystemsAndDomains(t *testing.T) {
	dir, f := files(t, 60)
	kinds := map[string]int{}
	for _, e := range entities(t, read(t, dir, "catalog/org.yml")) {
		kinds[e.Kind]++
	}
	require.Equal(t, map[string]int{"Domain": len(f.Domains), "System": len(f.Systems), "Group": len(f.Teams)}, kinds)
}

func TestSomeCatalogChecksPassAndSomeFail(t *testing.T) {
	_, f := files(t, 60)
	missing := map[string]int{}
	for _, s := range f.Services {
		if s.Owner == "" {
			missing["owner"]++
		}
		if s.Tier == 0 {
			missing["tier"]++
		}
		for _, link := range []string{"runbook", "dashboard"} {
			if s.Links[link] == "" {
				missing[link]++
			}
		}
	}
	for _, link := range []string{"runbook", "dashboard"} {
		require.Positive(t, missing[link])
		require.Less(t, missing[link], 30)
	}
	require.Less(t, missing["owner"]+missing["tier"], 10)
	t.Logf("of 60 services lack: %v", missing)
}
