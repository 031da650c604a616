package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
)

func TestBothFormatsSayTheSame(t *testing.T) {
	ours, problems := Parse("ours.yml", []byte(`
apiVersion: apgar.dev/v1
services:
  - name: playlist
    title: Playlists
    description: What to hear next.
    owner: team-listen
    system: library
    tier: 1
    lifecycle: production
    type: service
    tags: [http]
    labels: {language: go}
    annotations: {prometheus.io/job: playlist, apgar.dev/tier: "1"}
    links: {Runbook: "https://runbooks.example.org/playlist"}
    depends_on: [tracks, "resource:default/playlist-db"]
`))
	require.Empty(t, problems)
	theirs, problems := Parse("theirs.yml", []byte(`
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: Playlist
  title: Playlists
  description: What to hear next.
  tags: [http]
  labels: {language: go}
  annotations: {prometheus.io/job: playlist, apgar.dev/tier: "1"}
  links: [{url: "https://runbooks.example.org/playlist", title: Operations, type: runbook}]
spec:
  type: service
  lifecycle: production
  owner: Group:default/Team-Listen
  system: library
  dependsOn: ["component:Default/Tracks", "resource:playlist-db"]
`))
	require.Empty(t, problems)
	require.Empty(t, cmp.Diff(ours.Services, theirs.Services, cmpopts.IgnoreFields(Service{}, "Position")))
	require.Equal(t, Position{File: "ours.yml", Line: 4}, ours.Services[0].Position)
	require.Equal(t, []Relation{
		{Type: "ownedBy", Target: "group:default/team-listen"},
		{Type: "partOf", Target: "system:default/library"},
		{Type: "dependsOn", Target: "component:default/tracks"},
		{Type: "dependsOn", Target: "resource:default/playlist-db"},
	}, ours.Services[0].Relations)
	a, _ := Merge(ours)
	b, _ := Merge(theirs)
	require.Equal(t, a.Version(), b.Version(), "where it stands is no meaning")
}

func TestJSONIsACatalogToo(t *testing.T) {
	doc, problems := Parse("entity.json", []byte(`{"apiVersion":"backstage.io/v1beta1","kind":"Component","metadata":{"name":"a","namespace":"x"},
		"spec":{"owner":"team-a"},"relations":[{"type":"ownedBy","targetRef":"group:default/team-a"}]}`))
	require.Empty(t, problems)
	require.Equal(t, "x/a", doc.Services[0].ID.String())
	require.Equal(t, "x/team-a", doc.Services[0].Owner, "a reference starts at the entity's own namespace")
	require.Len(t, doc.Services[0].Relations, 2)
}

func TestWhatExceedsALimitIsRefusedAlone(t *testing.T) {
	many := func(format string, n int) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return strings.Join(parts, ", ")
	}
	for name, tt := range map[string]struct{ fields, want string }{
		"a long value":      {`title: "` + strings.Repeat("x", 5000) + `"`, "has 5000 bytes, but at most 4096 are allowed"},
		"a long annotation": {`annotations: {a: "` + strings.Repeat("x", 5000) + `"}`, "at most 4096 are allowed"},
		"many labels":       {`labels: {` + many("l%d: x", 101) + `}`, "101 labels, but at most 100"},
		"many annotations":  {`annotations: {` + many("l%d: x", 101) + `}`, "101 annotations, but at most 100"},
		"many tags":         {`tags: [` + many("l%d", 101) + `]`, "101 tags, but at most 100"},
		"many links":        {`links: {` + many("l%d: 'https://example.org'", 101) + `}`, "more than 100 links"},
		"many relations":    {`depends_on: [` + many("s%d", 1001) + `]`, "more than 1000 relations"},
		"a long name":       {`namespace: ` + strings.Repeat("n", 64), "is no namespace"},
		"an endless name":   {`namespace: ` + strings.Repeat("n", 4000), "is no namespace"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, problems := Parse("a.yml", []byte("apiVersion: apgar.dev/v1\nservices:\n  - {name: big, "+tt.fields+"}\n---\napiVersion: apgar.dev/v1\nservices: [{name: sound}]\n"))
			require.Len(t, doc.Services, 1)
			require.Equal(t, "sound", doc.Services[0].ID.Name)
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0].Message, tt.want)
			require.Equal(t, 3, problems[0].Position.Line)
			require.Less(t, len(problems[0].Message), 400)
		})
	}
}

func TestAMistakeInAnAnnotationIsToldOnce(t *testing.T) {
	for _, text := range []string{
		"apiVersion: apgar.dev/v1\nservices:\n  - {name: a, annotations: {x: ~}}\n",
		"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: a, annotations: {x: [b]}}\nspec: {type: service, lifecycle: production, owner: team-a}\n",
	} {
		_, problems := Parse("a.yml", []byte(text))
		require.Len(t, problems, 1, "%v", problems)
		require.Contains(t, problems[0].Error(), `a.yml:3: "x" in "annotations" of `)
	}
}

func TestABackstageDefinitionMayBeLong(t *testing.T) {
	doc, problems := Parse("a.yml", []byte("apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata: {name: a}\nspec:\n  definition: |\n    "+strings.Repeat("x", 100_000)+"\n"))
	require.Empty(t, problems, "a field that is not read is not measured")
	require.Len(t, doc.Entities, 1)
}

func TestTooMuchIsRefusedAsAWhole(t *testing.T) {
	_, problems := Parse("a.yml", make([]byte, MaxFileBytes+1))
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Error(), "a.yml: the file has 4194305 bytes")

	doc, problems := Parse("a.yml", []byte(strings.Repeat("---\nkind: Location\napiVersion: backstage.io/v1alpha1\n", maxDocuments+5)))
	require.Empty(t, doc.Services)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "10005 documents, but at most 10000")

	_, problems = Parse("a.yml", []byte("a: b\nc: \xff\n"))
	require.Equal(t, "a.yml:2: the file is not UTF-8: save it as UTF-8", problems[0].Error())
}

func TestParseIDLowersAndValidates(t *testing.T) {
	for text, want := range map[string]string{"playlist": "default/playlist", "Team/Play.List_2-x": "team/play.list_2-x", "0/1": "0/1"} {
		id, err := ParseID(text)
		require.NoError(t, err)
		require.Equal(t, want, id.String())
	}
	for _, text := range []string{"", "/", "a/", "/a", "a/b/c", "-a", ".a", "a b", "ä", strings.Repeat("a", 64), "a\n"} {
		_, err := ParseID(text)
		require.Error(t, err, "%q", text)
	}
}

func TestProblemsReadAsOneError(t *testing.T) {
	p := Problems{
		{Position: Position{File: "b.yml", Line: 1}, Message: "second", Warning: true},
		{Position: Position{File: "a.yml", Line: 2}, Message: "first"},
		{Message: "nowhere"},
	}
	require.True(t, p.HasErrors())
	require.False(t, p[:1].HasErrors())
	p.Sort()
	require.Equal(t, "nowhere\na.yml:2: first\nb.yml:1: warning: second", p.Error())
}

// BenchmarkParse measures a catalog of 5,000 services in one file, from bytes
// to a snapshot.
func BenchmarkParse(b *testing.B) {
	text := "apiVersion: apgar.dev/v1\nservices:\n"
	for i := range 5000 {
		text += fmt.Sprintf("  - {name: service-%d, owner: team-%d, system: s, tier: %d, tags: [http, go], annotations: {prometheus.io/job: j%d}, links: {runbook: \"https://example.org/%d\"}, depends_on: [service-%d]}\n",
			i, i%50, i%4+1, i, i, (i+1)%5000)
	}
	data := []byte(text)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		doc, problems := Parse("a.yml", data)
		snapshot, more := Merge(doc)
		if len(problems)+len(more) > 0 || snapshot.Len() != 5000 {
			b.Fatal(problems, more)
		}
	}
}

func TestAFileWithoutADocumentIsAWarning(t *testing.T) {
	for _, text := range []string{"", "\n# to be filled in\n---\n", "\ufeff"} {
		_, problems := Parse("a.yml", []byte(text))
		require.Equal(t, "a.yml:1: warning: the file is empty: add services, or remove the file", Problems(problems).Error())
	}
	_, problems := Parse("a.yml", []byte("apiVersion: apgar.dev/v1\nservices: []\n"))
	require.Empty(t, problems)
}
