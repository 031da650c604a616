package waiver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/internal/golden"
)

// load loads waivers that must be sound, written as the elements of the list.
func load(t testing.TB, entries ...string) *Set {
	t.Helper()
	text := "apiVersion: apgar.dev/v1\nwaivers:\n"
	for _, e := range entries {
		text += "  - " + e + "\n"
	}
	set, problems := Load(environment(t), File{Name: "test.yml", Data: []byte(text)})
	require.Empty(t, problems)
	require.Equal(t, len(entries), set.Len())
	return set
}

func TestEveryFieldIsRead(t *testing.T) {
	set, problems := Load(environment(t), File{Name: "waivers.yml", Data: []byte(`apiVersion: apgar.dev/v1
waivers:
  - id: playlist-latency.2
    reason: |
      The new cache lands in December.
    requester: jane@example.org
    approver: Ravi Kumar
    created: 2026-11-01
    expires: "2026-12-15T12:00:00+01:00"
    service: Music/Playlist
    rubric: http
    check: [latency, availability]
  - {id: b, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, owner: "group:default/Team-Listen", rubric: http, check: latency}
  - {id: c, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, system: music/library, rubric: http}
  - {id: d, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, selector: service.tier == 4, rubric: http}
`)})
	require.Empty(t, problems)
	require.Equal(t, []string{"b", "c", "d", "playlist-latency.2"}, ids(set.Waivers()))
	w := set.Waivers()[3]
	require.Equal(t, "The new cache lands in December.", w.Reason)
	require.Equal(t, "jane@example.org", w.Requester)
	require.Equal(t, "Ravi Kumar", w.Approver)
	require.Equal(t, Target{Service: catalog.ID{Namespace: "music", Name: "playlist"}}, w.Target)
	require.Equal(t, "http", w.Rubric)
	require.Equal(t, []string{"latency", "availability"}, w.Checks)
	require.Equal(t, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), w.Created)
	require.Equal(t, time.Date(2026, 12, 15, 11, 0, 0, 0, time.UTC), w.Expires)
	require.Equal(t, catalog.Position{File: "waivers.yml", Line: 3}, w.Position)
	require.Equal(t, Target{Owner: "team-listen"}, set.Waivers()[0].Target, "an owner is compared as the catalog has it")
	require.Equal(t, []string{"latency"}, set.Waivers()[0].Checks)
	require.Equal(t, Target{System: "music/library"}, set.Waivers()[1].Target)
	require.Empty(t, set.Waivers()[1].Checks)
	require.Equal(t, "service.tier == 4", set.Waivers()[2].Target.Selector.Source())
	var targets []string
	for _, w := range set.Waivers() {
		targets = append(targets, w.Target.String())
	}
	require.Equal(t, []string{"owner team-listen", "system music/library", `selector "service.tier == 4"`, "service music/playlist"}, targets)
}

func TestAFileHasBounds(t *testing.T) {
	entry := "  - {id: w%d, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: x, rubric: http}\n"
	var text strings.Builder
	text.WriteString("apiVersion: apgar.dev/v1\nwaivers:\n")
	for i := range maxWaivers + 1 {
		fmt.Fprintf(&text, entry, i)
	}
	set, problems := Load(environment(t), File{Name: "w.yml", Data: []byte(text.String())})
	require.Equal(t, maxWaivers, set.Len(), "the rest stands")
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Error(), "w.yml:2: the document has 10001 waivers, but at most 10000 are read: split it")

	long := strings.Repeat("x", maxTextBytes+1)
	set, problems = Load(environment(t), File{Name: "w.yml", Data: []byte(
		"apiVersion: apgar.dev/v1\nwaivers: [{id: a, reason: " + long + ", requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, service: x, rubric: http}]")})
	require.Zero(t, set.Len())
	require.Len(t, problems, 1, "what is too long is not missing as well")
	require.Contains(t, problems[0].Message, "at most 16384 are allowed")
}

// FuzzLoad holds that no file can make Load panic, and that a waiver that loads
// is complete, ends in time, and was not approved by who asked for it.
func FuzzLoad(f *testing.F) {
	for _, input := range golden.Inputs(f, archives) {
		f.Add(input.Data)
	}
	f.Add([]byte(`{apiVersion: apgar.dev/v1, waivers: [{id: a, reason: r, requester: a, approver: b, created: 2026-11-01, expires: 2026-12-01, selector: 'service.tags.exists(t, t == "x")', rubric: a, check: [b]}]}`))
	env := environment(f)
	service := &catalog.Service{ID: catalog.ID{Namespace: "default", Name: "x"}, Owner: "y", System: "z"}
	f.Fuzz(func(t *testing.T, data []byte) {
		set, problems := Load(env, File{Name: "fuzz.yml", Data: data})
		for _, p := range problems {
			require.NotEmpty(t, p.Message)
			require.Equal(t, "fuzz.yml", p.Position.File)
		}
		for _, w := range set.Waivers() {
			require.NotEmpty(t, w.ID)
			require.NotEmpty(t, w.Reason)
			require.NotEmpty(t, w.Rubric)
			require.NotEmpty(t, w.Requester)
			require.NotEqual(t, person(w.Requester), person(w.Approver))
			require.True(t, w.Expires.After(w.Created))
			require.False(t, w.Expires.After(w.Created.Add(MaxTerm)))
			require.NotEqual(t, Target{}, w.Target)
			set.Of(service).For(w.Rubric, "check", w.Created)
		}
		for _, p := range set.Review(Scope{Services: []*catalog.Service{service}}, time.Unix(0, 0)) {
			require.NotEmpty(t, p.Message)
			require.Equal(t, "fuzz.yml", p.Position.File)
		}
	})
}

func TestAFileWithoutADocumentIsAWarning(t *testing.T) {
	set, problems := Load(environment(t), File{Name: "a.yml", Data: []byte("# the last one has run out\n")}, File{Name: "b.yml", Data: []byte("apiVersion: apgar.dev/v1\nwaivers: []\n")})
	require.Zero(t, set.Len())
	require.Equal(t, "a.yml:1: warning: the file is empty: add waivers, or remove the file", catalog.Problems(problems).Error())
}
