package catalog

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestASnapshotFindsWhatItHolds(t *testing.T) {
	a, b := &Service{ID: ID{"default", "b"}}, &Service{ID: ID{"default", "a"}}
	group := &Entity{Kind: "group", ID: ID{"default", "team"}}
	s := NewSnapshot([]*Service{a, b, {ID: ID{"default", "a"}, Title: "second"}}, []*Entity{{Kind: "system", ID: ID{"default", "team"}}, group})
	require.Equal(t, 2, s.Len())
	require.Equal(t, []*Service{b, a}, s.Services())
	got, ok := s.Service(ID{"default", "a"})
	require.True(t, ok)
	require.Same(t, b, got)
	i, ok := s.Index(ID{"default", "b"})
	require.True(t, ok)
	require.Equal(t, 1, i)
	_, ok = s.Service(ID{"other", "a"})
	require.False(t, ok)
	entity, ok := s.Entity("group", ID{"default", "team"})
	require.True(t, ok)
	require.Same(t, group, entity)
	_, ok = s.Entity("user", ID{"default", "team"})
	require.False(t, ok)
	require.Equal(t, group, s.Entities()[0])
	require.Len(t, s.Version(), 12)
	require.NotEmpty(t, NewSnapshot(nil, nil).Version())
}

// draw makes a service with a few random values.
func draw(t *rapid.T, name string) *Service {
	text := rapid.SampledFrom([]string{"", "a", "b"})
	return &Service{
		ID: ID{"default", name}, Title: text.Draw(t, "title"), Owner: text.Draw(t, "owner"), Tier: rapid.IntRange(0, 4).Draw(t, "tier"),
		Tags:      rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"x", "y", "z"}), 0, 3, rapid.ID).Draw(t, "tags"),
		Labels:    rapid.MapOfN(text, text, 0, 3).Draw(t, "labels"),
		Relations: []Relation{{"dependsOn", "component:default/" + text.Draw(t, "x")}, {"ownedBy", "group:default/y"}},
		Position:  Position{File: text.Draw(t, "file"), Line: rapid.IntRange(0, 9).Draw(t, "line")},
	}
}

func TestTheVersionDependsOnTheMeaningAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		services := []*Service{draw(t, "one"), draw(t, "two"), draw(t, "three")}
		before := NewSnapshot(services, nil).Version()
		shuffled := slices.Clone(services)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		random.Shuffle(3, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		moved := *services[0]
		moved.Position.Line++
		slices.Reverse(moved.Tags)
		shuffled[slices.Index(shuffled, services[0])] = &moved
		require.Equal(t, services[0].Version(), moved.Version())
		require.Equal(t, before, NewSnapshot(shuffled, nil).Version())

		changed := *services[1]
		changed.Owner += "!"
		require.NotEqual(t, services[1].Version(), changed.Version())
		require.NotEqual(t, before, NewSnapshot([]*Service{services[0], &changed, services[2]}, nil).Version())
		require.NotEqual(t, before, NewSnapshot(services, []*Entity{{Kind: "group"}}).Version())
	})
}

func TestMergeLeavesTheDocumentsAsTheyAre(t *testing.T) {
	doc := Document{
		Services: []*Service{{ID: ID{"default", "a"}, System: "library"}},
		Entities: []*Entity{
			{Kind: "system", ID: ID{"default", "library"}, Domain: "music"},
			{Kind: "group", ID: ID{"default", "x"}, Parent: "y"},
			{Kind: "group", ID: ID{"default", "y"}, Parent: "x"},
		},
	}
	s, problems := Merge(doc)
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.Equal(t, "music", s.Services()[0].Domain)
	require.Empty(t, doc.Services[0].Domain)
	require.Equal(t, []string{"y", "x"}, []string{doc.Entities[1].Parent, doc.Entities[2].Parent})
}

func TestCirclesOfGroupsAreCut(t *testing.T) {
	var doc Document
	for _, pair := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "a"}, {"d", "a"}, {"self", "self"}, {"top", ""}, {"under", "top"}} {
		doc.Entities = append(doc.Entities, &Entity{Kind: "group", ID: ID{"default", pair[0]}, Parent: pair[1]})
	}
	s, problems := Merge(doc)
	require.Len(t, problems, 2)
	for _, e := range s.Entities() {
		steps := 0
		for at := e; at.Parent != ""; steps++ {
			require.Less(t, steps, 10, "walking up from %s ends", e.ID)
			id, err := ParseID(at.Parent)
			require.NoError(t, err)
			at, _ = s.Entity("group", id)
		}
	}
	under, _ := s.Entity("group", ID{"default", "under"})
	require.Equal(t, "top", under.Parent, "a sound parent stays")
}

func TestAListOfServicesNeedsNoGroups(t *testing.T) {
	_, problems := Merge(Document{Services: []*Service{{ID: ID{"default", "a"}, Relations: []Relation{
		{"ownedBy", "group:default/nobody"}, {"partOf", "system:default/nothing"}, {"ownedBy", "user:default/nobody"}, {"providesApi", "api:default/x"},
	}}}})
	require.Empty(t, problems)
}
