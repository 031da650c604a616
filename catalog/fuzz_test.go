package catalog

import (
	"net/url"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/golden"
)

// FuzzParse holds that no file can make Parse panic, and that what it loads is
// within the limits that the rest of the program relies on.
func FuzzParse(f *testing.F) {
	for _, input := range golden.Inputs(f, archives) {
		f.Add(input.Data)
	}
	f.Add([]byte("a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n"))
	f.Add([]byte("apiVersion: apgar.dev/v1\nservices: [{? [a] : b, name: c}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, problems := Parse("fuzz.yml", data)
		for _, p := range problems {
			require.NotEmpty(t, p.Message)
			require.Equal(t, "fuzz.yml", p.Position.File)
		}
		for _, s := range doc.Services {
			requireSound(t, s)
		}
		snapshot, _ := Merge(doc)
		for i, s := range snapshot.Services() {
			at, ok := snapshot.Index(s.ID)
			require.True(t, ok)
			require.Equal(t, i, at)
		}
	})
}

func requireSound(t *testing.T, s *Service) {
	t.Helper()
	require.Regexp(t, idPattern, s.ID.Namespace)
	require.Regexp(t, idPattern, s.ID.Name)
	require.GreaterOrEqual(t, s.Tier, 0)
	require.LessOrEqual(t, s.Tier, 4)
	for _, n := range []int{len(s.Tags), len(s.Labels), len(s.Annotations), len(s.Links)} {
		require.LessOrEqual(t, n, maxItems)
	}
	require.LessOrEqual(t, len(s.Relations), maxRelations)
	for _, text := range []string{s.Title, s.Owner, s.System, s.Domain, s.Lifecycle, s.Type} {
		require.LessOrEqual(t, len(text), maxValueBytes)
		for _, r := range text {
			require.False(t, unicode.IsControl(r), "%q", text)
		}
	}
	for name, link := range s.Links {
		u, err := url.Parse(link)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, u.Scheme, name)
		require.Nil(t, u.User)
	}
}
