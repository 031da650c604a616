package scorecard_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// member is a scorecard of a service with a score, or unknown for −1 and not
// scored for −2.
func member(name string, tier int, score float64, change ...func(*catalog.Service)) *scorecard.Scorecard {
	s := &catalog.Service{ID: catalog.ID{Namespace: "default", Name: name}, Owner: "team-listen", System: "library", Tier: tier}
	for _, f := range change {
		f(s)
	}
	c := &scorecard.Scorecard{Service: s, Rubric: "http", Status: scorecard.Scored, Score: &score, LevelRank: new(1), Level: "bronze"}
	switch score {
	case -1:
		c.Status, c.Score = scorecard.Unknown, nil
	case -2:
		c.Status, c.Score, c.LevelRank = scorecard.NotScored, nil, nil
	}
	return c
}

// unknownSince makes a scorecard unknown that had a score at a time.
func unknownSince(c *scorecard.Scorecard, at time.Time) *scorecard.Scorecard {
	c.Status, c.LastScore, c.Score, c.LastScoredAt = scorecard.Unknown, c.Score, nil, at
	return c
}

func roll(by scorecard.Dimension, cards ...*scorecard.Scorecard) []scorecard.Rollup {
	return scorecard.Rollups(scorecard.RollupInput{By: by, Cards: cards, Tick: noon, Sources: scorecard.SourcesOf(cards)})
}

func TestRollupsWeighByTier(t *testing.T) {
	for _, test := range []struct {
		name           string
		cards          []*scorecard.Scorecard
		score          string
		points         float64
		known, weight  float64
		unknown, nheld int
	}{
		{"tiers weigh 4, 3, 2, 1, and none 1", []*scorecard.Scorecard{member("a", 1, 100), member("b", 2, 0), member("c", 3, 0), member("d", 4, 0), member("e", 0, 0)}, "36.36", 400, 11, 11, 0, 0},
		{"one is not scored", []*scorecard.Scorecard{member("a", 1, 50), member("b", 1, -2)}, "50", 200, 4, 4, 0, 0},
		{"a fifth of the weight may be unknown", []*scorecard.Scorecard{member("a", 1, 50), member("b", 4, -1)}, "50", 200, 4, 5, 1, 0},
		{"more makes the whole unknown", []*scorecard.Scorecard{member("a", 1, 50), member("b", 4, -1), member("c", 4, -1)}, "null", 200, 4, 6, 2, 0},
		{"an unknown service is held for a day", []*scorecard.Scorecard{member("a", 4, 50), unknownSince(member("b", 4, 100), noon.Add(-day))}, "75", 150, 2, 2, 1, 1},
		{"and not longer", []*scorecard.Scorecard{member("a", 4, 50), unknownSince(member("b", 4, 100), noon.Add(-day-time.Second))}, "null", 50, 1, 2, 1, 0},
		{"nothing is scored", []*scorecard.Scorecard{member("b", 1, -2)}, "null", 0, 0, 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			rollups := roll(scorecard.ByOwner, test.cards...)
			require.Len(t, rollups, 1)
			r := rollups[0]
			assert.Equal(t, "team-listen", r.Name)
			assert.Equal(t, test.score, numberText(r.Score))
			assert.InDelta(t, test.points, r.Points, 1e-9)
			assert.InDelta(t, test.known, r.Known, 1e-9)
			assert.InDelta(t, test.weight, r.Weight, 1e-9)
			assert.Equal(t, test.unknown, r.Unknown)
			assert.Equal(t, test.nheld, r.Held)
			assert.Equal(t, len(test.cards), r.Services)
			assert.Equal(t, r.Services, r.Scored+r.Unknown+r.NotScored)
		})
	}
}

func TestServicesThatBelongNowhereAreABucket(t *testing.T) {
	owned, unowned := member("a", 1, 100), member("b", 1, 50, func(s *catalog.Service) { s.Owner, s.System, s.Tier = "", "", 0 })
	for by, want := range map[scorecard.Dimension][]string{
		scorecard.ByOwner: {"", "team-listen"}, scorecard.BySystem: {"", "library"}, scorecard.ByTier: {"", "1"},
		scorecard.ByDomain: {""}, scorecard.ByLifecycle: {""}, scorecard.ByGroup: {"", "team-listen"}, scorecard.BySource: {""},
	} {
		var names []string
		for _, r := range roll(by, owned, unowned) {
			names = append(names, r.Name)
			assert.Equal(t, by, r.By)
		}
		assert.Equal(t, want, names, by)
	}
	assert.Len(t, scorecard.Dimensions(), 7)
}

func TestAGroupHasTheServicesOfTheGroupsUnderIt(t *testing.T) {
	group := func(name, parent string) *catalog.Entity {
		return &catalog.Entity{Kind: "group", ID: catalog.ID{Namespace: "default", Name: name}, Parent: parent}
	}
	snapshot := catalog.NewSnapshot(nil, []*catalog.Entity{
		group("team-listen", "music"), group("music", "company"), group("company", ""), group("loop", "pool"), group("pool", "loop"),
	})
	looped := member("b", 4, 0, func(s *catalog.Service) { s.Owner = "loop" })
	above := member("c", 4, 50, func(s *catalog.Service) { s.Owner = "music" })
	var got []string
	for _, r := range scorecard.Rollups(scorecard.RollupInput{
		By: scorecard.ByGroup, Cards: []*scorecard.Scorecard{member("a", 4, 100), looped, above}, Catalog: snapshot, Tick: noon,
	}) {
		got = append(got, r.Name+" "+strconv.Itoa(r.Services)+" "+numberText(r.Score))
	}
	assert.Equal(t, []string{"company 2 75", "loop 1 0", "music 2 75", "pool 1 0", "team-listen 1 100"}, got)
}

func TestASourceHasTheServicesThatItHasCellsOf(t *testing.T) {
	r := rubricOf(gauge("fds", 5, 0, 1))
	card := grade(r, cells(good("us", 0.5, 0), good("eu", 0.5, 0.5)))
	sources := scorecard.SourcesOf([]*scorecard.Scorecard{card, card})
	assert.Equal(t, map[catalog.ID][]string{card.Service.ID: {"eu", "us"}}, sources)
	rollups := roll(scorecard.BySource, card)
	require.Len(t, rollups, 2)
	assert.Equal(t, "eu", rollups[0].Name)
	assert.InDelta(t, 50, *rollups[1].Score, 1e-9)
}

func TestARollupNamesTheWorstFive(t *testing.T) {
	var list []*scorecard.Scorecard
	for i := range 9 {
		list = append(list, member("s"+strconv.Itoa(i), 1, float64(90-10*(i%8))))
	}
	list = append(list, member("unknown", 1, -1), unknownSince(member("held", 1, 15), noon))
	list = append(list, func() *scorecard.Scorecard { c := member("draft", 1, 0); c.Draft = true; return c }())
	r := roll(scorecard.BySystem, list...)[0]
	var worst []string
	for _, w := range r.Worst {
		worst = append(worst, w.Service.Name)
	}
	assert.Equal(t, []string{"held", "s7", "s6", "s5", "s4"}, worst)
	assert.True(t, r.Worst[0].Held)
	assert.Equal(t, map[string]int{"A": 2, "B": 1, "C": 1, "D": 1, "F": 5}, r.Grades)
	assert.Equal(t, map[string]int{"bronze": 11}, r.Levels)
}

func TestTheOrderOfServicesDoesNotMatterToRollups(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var list []*scorecard.Scorecard
	for i := range 30 {
		list = append(list, member("s"+strconv.Itoa(i), i%5, 100*random.Float64()))
	}
	want := roll(scorecard.ByOwner, list...)
	random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	assert.Equal(t, want, roll(scorecard.ByOwner, list...), "to the last bit")
}
