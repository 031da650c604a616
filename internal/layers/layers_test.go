package layers_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/layers"
)

// root is the module's root as seen from this package.
const root = "../.."

func TestTheTreeKeepsToTheDesign(t *testing.T) {
	tree := os.DirFS(root)
	module, err := fs.ReadFile(tree, "go.mod")
	require.NoError(t, err)
	require.Contains(t, string(module), "module "+layers.Apgar().Module+"\n", "the table names another module")

	found, err := layers.Check(tree, layers.Apgar())
	require.NoError(t, err)
	for _, f := range found {
		t.Error(f)
	}
}

// tree makes a file system of files given as "name: content".
func tree(files map[string]string) fstest.MapFS {
	made := fstest.MapFS{}
	for name, content := range files {
		made[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return made
}

// importing writes a file that imports one package, on line 3.
func importing(path string) string {
	return "package p\n\nimport _ \"" + path + "\"\n"
}

// own is the import path of a package of this module.
func own(dir string) string {
	return "github.com/apgarhq/apgar/" + dir
}

func TestImportsOfRoomsFollowTheDiagram(t *testing.T) {
	tests := []struct {
		name string
		file string
		path string
		want string // part of the only finding; none when empty
	}{
		{"a rubric may know the catalog", "rubric/r.go", own("catalog"), ""},
		{"the catalog may not know rubrics", "catalog/c.go", own("rubric"), "catalog/c.go:3: catalog imports rubric; catalog may import no other room, except those above and below it"},
		{"a waiver may know the catalog only", "waiver/w.go", own("rubric"), "waiver imports rubric; waiver may import catalog"},
		{"counts know nobody", "slo/s.go", own("catalog"), "slo imports catalog"},
		{"a scorecard may know what it grades", "scorecard/s.go", own("slo"), ""},
		{"a scorecard may not know regressions", "scorecard/s.go", own("regression"), "scorecard imports regression; scorecard may import catalog, rubric, slo, waiver"},
		{"a worker may know the vocabulary", "collector/c.go", own("regression"), ""},
		{"a worker may not know another worker", "collector/c.go", own("store"), "collector imports store; collector may import catalog, rubric, slo, waiver, scorecard, regression"},
		{"a worker may not know another worker's adapter", "api/a.go", own("store/redisstore"), "api imports store/redisstore"},
		{"a worker may not know an adapter of the vocabulary", "collector/c.go", own("catalog/file"), "collector imports catalog/file"},
		{"a worker's test may not know another worker either", "exporter/e_test.go", own("store/memstore"), "exporter imports store/memstore"},
		{"any test may use the embedded Prometheus", "collector/c_test.go", own("internal/demo"), ""},
		{"a worker may not use the embedded Prometheus", "collector/c.go", own("internal/demo"), "collector imports internal/demo"},
		{"any test may run Redis", "internal/app/a_test.go", own("store/redisstore/redistest"), ""},
		{"the wiring may not run Redis", "internal/app/a.go", own("store/redisstore/redistest"), "internal/app imports store/redisstore/redistest"},
		{"any test may disturb a connection", "api/a_test.go", own("internal/faultproxy"), ""},
		{"any test may be held against archives", "waiver/w_test.go", own("internal/golden"), ""},
		{"a worker may not disturb a connection", "collector/c.go", own("internal/faultproxy"), "collector imports internal/faultproxy"},
		{"Redis for tests knows nobody", "store/redisstore/redistest/r.go", own("store/memstore"), "store/redisstore/redistest imports store/memstore"},
		{"the grader asks no source", "collector/grader/g.go", own("collector/gather"), "collector/grader imports collector/gather; collector/grader may import catalog, rubric, slo, scorecard, collector/question"},
		{"unless in a test", "collector/grader/g_test.go", own("collector/gather"), ""},
		{"who makes blocks does not judge", "collector/gather/g.go", own("scorecard"), "collector/gather imports scorecard"},
		{"a room may import what is below it", "collector/c.go", own("collector/promapi"), ""},
		{"an adapter may import its port", "store/redisstore/r.go", own("store"), ""},
		{"an adapter's test may run the conformance suite", "store/memstore/m_test.go", own("store/storetest"), ""},
		{"an adapter may not run it", "store/memstore/m.go", own("store/storetest"), "store/memstore imports store/storetest"},
		{"an adapter may not import its neighbour", "catalog/file/f.go", own("catalog/backstage"), "catalog/file imports catalog/backstage"},
		{"packages without a line of their own belong to the room above", "api/badge/b.go", own("api/client"), ""},
		{"and are bound as it is", "api/badge/b.go", own("exporter"), "api imports exporter"},
		{"configuration does not know workers", "internal/config/c.go", own("collector"), "internal/config imports collector"},
		{"the demo knows nobody", "internal/demo/fleet/f.go", own("catalog"), "internal/demo imports catalog"},
		{"the wiring knows everybody", "internal/app/a.go", own("notify/webhook"), ""},
		{"but not the command", "internal/app/a.go", own("cmd/apgar"), "internal/app imports cmd/apgar"},
		{"the command knows the wiring", "cmd/apgar/main.go", own("internal/app"), ""},
		{"and only it", "cmd/apgar/main.go", own("collector"), "cmd imports collector; cmd may import internal/app"},
		{"nobody else knows the wiring", "api/a.go", own("internal/app"), "api imports internal/app"},
		{"dashboards may know names of metrics", "dashboards/grafana/g.go", own("exporter"), ""},
		{"a room whose name begins like another is another", "catalogue/c.go", own("catalog"), "catalogue/c.go:1: catalogue is in no room: add it to the table"},
		{"an unknown room below internal is unknown", "internal/glue/g.go", own("catalog"), "internal/glue is in no room"},
		{"so is the root", "r.go", own("catalog"), "r.go:1: . is in no room"},
		{"so is an unknown room that is imported", "collector/c.go", own("internal/glue"), "collector/c.go:3: collector imports internal/glue, which is in no room"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireFinding(t, tt.want, tree(map[string]string{tt.file: importing(tt.path)}))
		})
	}
}

func TestTechnologiesStayInTheirRoom(t *testing.T) {
	const prometheus = "github.com/prometheus/prometheus/"
	tests := []struct {
		name string
		file string
		path string
		want string
	}{
		{"Gin in the API", "api/a.go", "github.com/gin-gonic/gin", ""},
		{"Gin below the API", "api/sse/a.go", "github.com/gin-gonic/gin", ""},
		{"Gin elsewhere", "exporter/e.go", "github.com/gin-gonic/gin", "exporter/e.go:3: exporter imports github.com/gin-gonic/gin; Gin may be imported in api"},
		{"Gin in a test elsewhere", "exporter/e_test.go", "github.com/gin-gonic/gin/binding", "Gin may be imported in api"},
		{"Redis in the store", "store/redisstore/r.go", "github.com/redis/go-redis/v9", ""},
		{"Redis elsewhere", "internal/app/a.go", "github.com/redis/go-redis/v9", "the Redis client may be imported in store"},
		{"the PromQL parser anywhere", "rubric/r.go", prometheus + "promql/parser", ""},
		{"the engine in the demo", "internal/demo/d.go", prometheus + "promql", ""},
		{"the engine in a test", "collector/c_test.go", prometheus + "promql/promqltest", ""},
		{"the engine in a worker", "collector/c.go", prometheus + "promql", "may be imported in internal/demo, internal/rubrictest (and in tests)"},
		{"the storage in a worker", "store/s.go", prometheus + "tsdb/chunkenc", "Prometheus' engine, storage and scraper may be imported in internal/demo"},
		{"a part of Prometheus whose name only begins so", "collector/c.go", prometheus + "promqlish", ""},
		{"Prometheus' web server even in the demo", "internal/demo/d.go", prometheus + "web/api/v1", "may be imported nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireFinding(t, tt.want, tree(map[string]string{tt.file: importing(tt.path)}))
		})
	}
}

func TestPureRoomsTouchNothing(t *testing.T) {
	const clock = "package p\n\nimport \"time\"\n\nvar t = time.Now()\n"
	tests := []struct {
		name string
		file string
		code string
		want string
	}{
		{"no context", "scorecard/s.go", importing("context"), "scorecard/s.go:3: scorecard is pure and imports context: let the caller pass"},
		{"no files", "rubric/r.go", importing("os"), "rubric is pure and imports os"},
		{"no network", "waiver/w.go", importing("net/http"), "waiver is pure and imports net/http"},
		{"no chance", "slo/s.go", importing("math/rand/v2"), "slo is pure and imports math/rand/v2"},
		{"nor in a package below", "rubric/packs/p.go", importing("os"), "rubric is pure and imports os"},
		{"parsing an address is pure", "catalog/c.go", importing("net/url"), ""},
		{"embedded files are no I/O", "rubric/r.go", importing("embed"), ""},
		{"an adapter may read files", "catalog/file/f.go", importing("os"), ""},
		{"a worker may have a context", "collector/c.go", importing("context"), ""},
		{"no clock", "regression/r.go", clock, "regression/r.go:5: regression is pure and uses time.Now: let the caller pass the time"},
		{"nor under another name", "slo/s.go", "package p\n\nimport clock \"time\"\n\nvar t = clock.Since(z)\n", "slo is pure and uses time.Since"},
		{"nor as a value", "slo/s.go", "package p\n\nimport \"time\"\n\nvar now = time.Now\n", "slo is pure and uses time.Now"},
		{"nor through a dot import", "slo/s.go", "package p\n\nimport . \"time\"\n\nvar now = Now()\n", "slo is pure and uses time.Now"},
		{"comparing times is pure", "slo/s.go", "package p\n\nimport \"time\"\n\nfunc f(a, b time.Time) bool { return a.After(b) }\n", ""},
		{"a Now of something else is no clock", "slo/s.go", "package p\n\nvar t = moment.Now()\n", ""},
		{"a worker may read the clock", "collector/c.go", clock, ""},
		{"a test may read the clock", "slo/s_test.go", clock, ""},
		{"a test may read files", "rubric/r_test.go", importing("os"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireFinding(t, tt.want, tree(map[string]string{tt.file: tt.code}))
		})
	}
}

func TestFilesAndPackagesHaveALimit(t *testing.T) {
	long := "package p\n" + strings.Repeat("\n", 400)
	tests := []struct {
		name string
		file string
		code string
		want string
	}{
		{"400 lines are enough", "slo/s.go", "package p\n" + strings.Repeat("\n", 399), ""},
		{"401 are not", "slo/s.go", long, "slo/s.go:401: the file has 401 lines, more than 400"},
		{"a last line without an end is a line", "slo/s.go", long + "// end", "the file has 402 lines"},
		{"a test may be longer", "slo/s_test.go", long, ""},
		{"generated code may be longer", "api/a.gen.go", "// Code generated by a tool. DO NOT EDIT.\n\n" + long, ""},
		{"a package has a noun", "collector/utils/u.go", "package utils\n", "a package called utils says nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireFinding(t, tt.want, tree(map[string]string{tt.file: tt.code}))
		})
	}
}

func TestFoldersTheGoCommandSkipsAreSkipped(t *testing.T) {
	wrong := importing(own("internal/app"))
	requireFinding(t, "", tree(map[string]string{
		"slo/testdata/a.go":    wrong,
		"vendor/x/a.go":        wrong,
		".cache/a.go":          wrong,
		"_old/a.go":            wrong,
		"tools/go.mod":         "module github.com/apgarhq/apgar/tools\n",
		"tools/gen/a.go":       wrong,
		"collector/README.txt": "not Go",
	}))
}

func TestEveryBreachIsFoundInOrder(t *testing.T) {
	found, err := layers.Check(tree(map[string]string{
		"store/s.go":   "//go:build windows\n\npackage p\n\nimport (\n\t_ \"" + own("api") + "\"\n\t_ \"github.com/gin-gonic/gin\"\n)\n",
		"api/a.go":     importing(own("store")),
		"api/b/b.go":   importing(own("api")),
		"exporter/e.g": "not Go",
	}), layers.Apgar())
	require.NoError(t, err)
	var places []string
	for _, f := range found {
		places = append(places, strings.SplitAfterN(f.String(), ": ", 2)[0])
	}
	require.Equal(t, []string{"api/a.go:3: ", "store/s.go:6: ", "store/s.go:7: "}, places)
}

func TestWhatCannotBeCheckedIsAnError(t *testing.T) {
	t.Run("a file that is not Go", func(t *testing.T) {
		_, err := layers.Check(tree(map[string]string{"slo/s.go": "pakage slo\n"}), layers.Apgar())
		require.ErrorContains(t, err, "parsing slo/s.go to check its imports")
	})
	t.Run("a table that names a room twice", func(t *testing.T) {
		rules := layers.Rules{Rooms: []layers.Room{{Path: "slo"}, {Path: "slo"}}}
		_, err := layers.Check(tree(nil), rules)
		require.ErrorContains(t, err, "the room slo is there twice")
	})
	t.Run("a table that names a room it does not have", func(t *testing.T) {
		rules := layers.Rules{Rooms: []layers.Room{{Path: "slo", MayImport: []string{"catalogue"}}}}
		_, err := layers.Check(tree(nil), rules)
		require.ErrorContains(t, err, "slo may import catalogue, which is no room")
	})
}

// requireFinding checks a tree and expects one finding that contains the
// text, or none when there is no text.
func requireFinding(t *testing.T, want string, files fs.FS) {
	t.Helper()
	found, err := layers.Check(files, layers.Apgar())
	require.NoError(t, err)
	if want == "" {
		require.Empty(t, found)
		return
	}
	require.Len(t, found, 1)
	require.Contains(t, found[0].String(), want)
}
