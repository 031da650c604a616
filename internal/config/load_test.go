package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestProblems(t *testing.T) {
	golden.Archives(t, "testdata/problems/*.txtar", *update, func(t *testing.T, inputs []txtar.File) map[string]string {
		var problems strings.Builder
		for _, f := range inputs {
			c, found := Parse(f.Name, f.Data)
			require.Nil(t, c)
			for _, p := range found {
				fmt.Fprintln(&problems, p.Error())
			}
		}
		require.NotContains(t, problems.String(), "hunter2", "a secret is never repeated")
		return map[string]string{"problems": problems.String()}
	})
}

// TestReadersNeedLittle has a mistake in every section that only graders read,
// and then one in each of the others.
func TestReadersNeedLittle(t *testing.T) {
	read := func(text string) (*Config, string) {
		path := filepath.Join(t.TempDir(), "apgar.yml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c, problems := LoadForReaders(path)
		return c, strings.ReplaceAll(catalog.Problems(problems).Error(), filepath.Dir(path)+"/", "")
	}
	graders := "sources: [{name: EU}]\ncatalog: [x]\nrubrics: {packs: [nope]}\nidentities: {a: {labels: {x: '('}}}\n"
	c, problems := read(graders + "global: {external_url: \"https://apgar.example.org/\"}\nredis: {addresses: [\"redis:6379\"]}\nexporter: {series_limit: 7}\n")
	require.Empty(t, problems)
	require.Equal(t, []string{"redis:6379"}, c.Redis.Addresses)
	require.Equal(t, 7, c.Exporter.SeriesLimit)
	require.Equal(t, "https://apgar.example.org", strings.TrimSuffix(c.Global.ExternalURL, "/"))
	c, problems = read(graders + "redis: {adresses: []}\nexporter: {series_limit: -1}\nsorces: []\n")
	require.Nil(t, c)
	for _, want := range []string{`apgar.yml:5: unknown field "adresses"`, "apgar.yml:6: series_limit", `apgar.yml:7: unknown field "sorces"`} {
		require.Contains(t, problems, want)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	c, problems := Parse("/etc/apgar/apgar.yml", []byte(`
global: {evaluation_interval: 15s, query_delay: 2s, query_timeout: 10s, external_url: "https://apgar.example.org/", environment: staging}
sources:
  - name: eu-west
    replicas: [{url: "http://127.0.0.1:9090/prometheus/"}, {url: "https://[::1]:9090"}]
    partition_label: cluster
    environment: production
    labels: {namespace: exported_namespace}
    query_delay: 40s
    concurrency: 8
    limits: {response_bytes: 1 GiB, series: 10}
    http_config:
      basic_auth: {username: jane, password_file: secret}
      tls_config: {ca_file: /ca.pem}
  - {name: us-east, replicas: [{url: "http://a"}]}
catalog: {files: [catalog/*.yml, more]}
rubrics: {packs: [http], files: [rubrics/*.yml], waivers: [waivers/*.yml]}
identities:
  service: {labels: {service: 'service.name', namespace: 'service.namespace'}, presence: 'sum by ($identity) (up)'}
redis:
  addresses: ["10.0.0.1:26379", "[::1]:26379"]
  sentinel_master: main
  username: apgar
  password_file: redis-password
  key_prefix: health
  tls_config: {server_name: redis.example.org}
exporter: {series_limit: 7}
`))
	require.Empty(t, problems)
	require.Equal(t, Global{15 * time.Second, 2 * time.Second, 10 * time.Second, "https://apgar.example.org", "staging"}, c.Global)
	s := c.Sources[0]
	require.Equal(t, []Replica{{"http://127.0.0.1:9090/prometheus"}, {"https://[::1]:9090"}}, s.Replicas)
	require.Equal(t, "cluster", s.PartitionLabel)
	require.Equal(t, "production", s.Environment)
	require.Equal(t, map[string]string{"namespace": "exported_namespace"}, s.Labels)
	require.Equal(t, 40*time.Second, s.QueryDelay)
	require.Equal(t, 8, s.Concurrency)
	require.Equal(t, Limits{ResponseBytes: 1 << 30, Series: 10}, s.Limits)
	require.Equal(t, "/etc/apgar/secret", s.HTTP.BasicAuth.PasswordFile, "a path starts at the file")
	require.Equal(t, "/ca.pem", s.HTTP.TLSConfig.CAFile)
	require.Equal(t, "staging", c.Sources[1].Environment, "what a source leaves out is global's")
	require.Equal(t, 2*time.Second, c.Sources[1].QueryDelay)
	require.Equal(t, []string{"catalog/*.yml", "more"}, c.Catalog.Files)
	require.Equal(t, Rubrics{Packs: []string{"http"}, Files: []string{"rubrics/*.yml"}, Waivers: []string{"waivers/*.yml"}}, c.Rubrics)
	require.Len(t, c.Identities[0].Labels, 2)
	require.Equal(t, &Redis{
		Addresses: []string{"10.0.0.1:26379", "[::1]:26379"}, SentinelMaster: "main", Username: "apgar",
		PasswordFile: "/etc/apgar/redis-password", KeyPrefix: "health", TLS: &config.TLSConfig{ServerName: "redis.example.org"},
	}, c.Redis)
	require.Equal(t, 7, c.Exporter.SeriesLimit)
}

func TestWhatIsLeftOutHasADefault(t *testing.T) {
	for _, text := range []string{"", "# nothing", "global:\nsources:\nredis:\n", "{}"} {
		c, problems := Parse("apgar.yml", []byte(text))
		require.Empty(t, problems, text)
		require.Equal(t, Global{time.Minute, 30 * time.Second, 30 * time.Second, "", "production"}, c.Global)
		require.Nil(t, c.Redis)
		require.Equal(t, 500_000, c.Exporter.SeriesLimit)
	}
	c, problems := Parse("apgar.yml", []byte(`{sources: [{name: a, replicas: [{url: "http://a"}]}], redis: {addresses: ["a:1"], tls_config: {}}, rubrics: {packs: [auto]}}`))
	require.Empty(t, problems)
	require.Equal(t, Source{
		Name: "a", Replicas: []Replica{{"http://a"}}, Environment: "production", Labels: map[string]string{}, QueryDelay: 30 * time.Second,
		Concurrency: 4, Limits: Limits{64 << 20, 500_000}, HTTP: config.DefaultHTTPClientConfig,
	}, c.Sources[0])
	require.Equal(t, &Redis{Addresses: []string{"a:1"}, KeyPrefix: "apgar"}, c.Redis)
	require.True(t, c.Rubrics.Auto)
	require.Contains(t, c.Rubrics.Packs, "http")
}

// files writes files into a new directory and loads its apgar.yml.
func files(t *testing.T, contents map[string]string) (*Config, []catalog.Problem) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range contents {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return Load(filepath.Join(dir, "apgar.yml"))
}

func TestTheFilesThatAreNamedAreRead(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	c, problems := files(t, map[string]string{
		"apgar.yml": `
global: {evaluation_interval: 30s}
catalog: {files: [catalog]}
rubrics: {packs: [http], files: ["rubrics/*.yml", "none/*.yml"]}
identities: {pods: {labels: {pod: service.name}}}
`,
		"catalog/a.yml":      "apiVersion: apgar.dev/v1\nservices: [{name: a}]\n",
		"catalog/b.yml":      "apiVersion: apgar.dev/v1\nservices: [{name: b, tire: 1}]\n",
		"rubrics/a.yml":      "rubrics: [{name: own, checks: [{name: c, identity: pods, value: {query: 'max by ($identity) (a)'}, pass: 1, op: '>=', interval: 150s}]}]",
		"rubrics/b.yml":      "rubrics: [{name: slow, checks: [{name: c, value: {query: 'max by ($identity) (a)'}, pass: 1, op: '>=', interval: 20s}]}]",
		"rubrics/c.yaml":     "not matched",
		"rubrics/a.test.yml": "tests: []",
	})
	require.Empty(t, problems)
	snapshot, problems := c.LoadCatalog()
	require.Equal(t, 1, snapshot.Len())
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Error(), filepath.Join(c.Dir, "catalog", "b.yml")+":2: unknown field")

	rubrics, problems := c.LoadRubrics(env)
	require.Len(t, rubrics, 2)
	require.Equal(t, "http", rubrics[0].Name, "packs come first")
	require.Equal(t, "pods", rubrics[1].Checks[0].Identities[0].Name)
	var texts []string
	for _, p := range problems {
		texts = append(texts, strings.ReplaceAll(p.Error(), c.Dir, ""))
	}
	require.Equal(t, []string{
		"/apgar.yml:4: /none/*.yml: no file matches: mend the path, or remove it",
		`/rubrics/b.yml:1: interval of check "c" is 20s, but must be a multiple of the evaluation_interval 30s`,
	}, texts)
}

func TestPacksAreDetectedWhereTheFileSaysAuto(t *testing.T) {
	env, err := catalog.NewEnv()
	require.NoError(t, err)
	for packs, detect := range map[string]bool{"auto": true, "http": false} {
		c, problems := files(t, map[string]string{
			"apgar.yml": "sources: [{name: a, replicas: [{url: 'http://a'}]}]\nrubrics: {packs: [" + packs + "], files: [own.yml]}\n",
			"own.yml":   "rubrics: [{name: own, checks: [{name: c, catalog: 'true'}]}]",
		})
		require.Empty(t, problems)
		rubrics, problems := c.LoadRubrics(env)
		require.Empty(t, problems)
		for _, r := range rubrics {
			require.Equal(t, detect && r.Name != "own", r.Detect, "%s of %s", r.Name, packs)
		}
	}
}

func TestAFileThatIsNotThereIsAProblem(t *testing.T) {
	c, problems := Load(filepath.Join(t.TempDir(), "none.yml"))
	require.Nil(t, c)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Error(), "none.yml: reading the file: no such file or directory")
}

func FuzzParse(f *testing.F) {
	archive, err := txtar.ParseFile("testdata/problems/everything.txtar")
	require.NoError(f, err)
	for _, file := range archive.Files {
		f.Add(file.Data)
	}
	f.Add([]byte(`{sources: [{name: a, replicas: [{url: "http://a"}], http_config: {http_headers: {a: {values: [b]}}}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, problems := Parse("apgar.yml", data)
		require.Equal(t, c == nil, catalog.Problems(problems).HasErrors())
		if c != nil {
			require.Positive(t, c.Global.EvaluationInterval)
			require.Zero(t, slot%c.Global.EvaluationInterval)
		}
	})
}
