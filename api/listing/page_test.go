package listing_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/apgarhq/apgar/api/listing"
)

func spec() listing.Spec {
	return listing.Spec{List: "things", Fields: []string{"owner", "tag", "tier", "grade"}, Orders: listing.AllOrders(), Search: true, Since: true}
}

func query(t require.TestingT, text string) listing.Query {
	values, err := url.ParseQuery(text)
	require.NoError(t, err)
	q, err := spec().Parse(values)
	require.NoError(t, err)
	return q
}

// row is number i of a list of rows with some of everything.
func row(i int) listing.Row {
	r := listing.Row{
		Key:      listing.Key{Rubric: fmt.Sprintf("r%d", i%2), Namespace: "default", Name: fmt.Sprintf("s%04d", i)},
		Fields:   []listing.Field{{Name: "owner", Value: fmt.Sprintf("team-%d", i%3)}, {Name: "tag", Value: "all"}, {Name: "tag", Value: fmt.Sprintf("t%d", i%5)}},
		Text:     fmt.Sprintf("default/s%04d", i),
		Coverage: float64(i%4) / 4,
		Changed:  time.Unix(int64(1000+i%7), 0),
	}
	if i%6 != 0 {
		r.Score = new(float64(i * 37 % 101))
	}
	return r
}

func rows(n int) []listing.Row {
	list := make([]listing.Row, n)
	for i := range list {
		list[i] = row(i)
	}
	return list
}

// walk follows the cursors from the first page to the last, and lets change
// swap the table between pages.
func walk(t require.TestingT, table *listing.Table, text string, change func() *listing.Table) []listing.Key {
	var keys []listing.Key
	cursor := ""
	for range 10_000 {
		page := table.Page(query(t, text+"&cursor="+cursor))
		for _, i := range page.Rows {
			keys = append(keys, table.Key(int(i)))
		}
		if page.Next == "" {
			return keys
		}
		cursor = page.Next
		if change != nil {
			table = change()
		}
	}
	require.Fail(t, "the cursors never end")
	return nil
}

func TestPagesTogetherAreTheListInItsOrder(t *testing.T) {
	table := listing.New(rows(100))
	for _, order := range []string{"rubric", "service", "score", "-score", "coverage", "-coverage", "changed", "-changed"} {
		for _, filter := range []string{"", "&owner=team-1", "&tag=t1&tag=t2&owner=team-0", "&q=S001", "&changed_since=1003"} {
			t.Run("sorted by "+order+" with the filter "+filter, func(t *testing.T) {
				whole := walk(t, table, "limit=500&sort="+order+filter, nil)
				require.NotEmpty(t, whole)
				require.Equal(t, whole, walk(t, table, "limit=7&sort="+order+filter, nil))
				require.Equal(t, len(whole), table.Page(query(t, "limit=3&sort="+order+filter)).Total)
				sorted := slices.Clone(whole)
				slices.SortFunc(sorted, listing.Key.Compare)
				require.Len(t, slices.Compact(sorted), len(whole), "no row is given twice")
			})
		}
	}
}

func TestTheLowestScoresComeFirstAndUnknownOnesLast(t *testing.T) {
	table := listing.New([]listing.Row{
		{Key: listing.Key{Name: "none"}},
		{Key: listing.Key{Name: "high"}, Score: new(90.0)},
		{Key: listing.Key{Name: "low"}, Score: new(10.0)},
	})
	names := func(text string) (list []string) {
		for _, k := range walk(t, table, text, nil) {
			list = append(list, k.Name)
		}
		return list
	}
	require.Equal(t, []string{"low", "high", "none"}, names("sort=score&limit=1"))
	require.Equal(t, []string{"high", "low", "none"}, names("sort=-score&limit=1"))
}

func TestRowsThatStayAreNeitherSkippedNorRepeatedWhenOthersComeAndGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		order := rapid.SampledFrom([]string{"rubric", "service", "score", "-score", "-coverage", "changed"}).Draw(t, "order")
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		r := rand.New(rand.NewPCG(seed, 1))
		stays := func(i int) bool { return i%2 == 0 }
		change := func() *listing.Table {
			var list []listing.Row
			for i := range 80 {
				if one := row(i); stays(i) {
					list = append(list, one)
				} else if r.IntN(2) == 0 {
					one.Score = new(100 * r.Float64())
					list = append(list, one)
				}
			}
			return listing.New(list)
		}
		times := map[listing.Key]int{}
		for _, k := range walk(t, change(), fmt.Sprintf("sort=%s&limit=%d", order, limit), change) {
			times[k]++
		}
		for i := range 80 {
			if stays(i) {
				require.Equal(t, 1, times[row(i).Key], "row %d", i)
			}
		}
	})
}

func TestFiltersOfOneNameAreAlternativesAndOfSeveralNamesMustAllBeMet(t *testing.T) {
	table := listing.New(rows(60))
	count := func(text string) int { return table.Page(query(t, text)).Total }
	require.Equal(t, 60, count(""))
	require.Equal(t, 60, count("owner="))
	require.Equal(t, 20, count("owner=team-0"))
	require.Equal(t, 40, count("owner=team-0&owner=team-1"))
	require.Equal(t, 4, count("owner=team-0&tag=t0"))
	require.Equal(t, 60, count("tag=all&tag=t1"))
	require.Equal(t, 0, count("owner=nobody"))
	require.Equal(t, 10, count("q=s000"))
}

func TestARowPassesAFilterWhereverATableWouldListIt(t *testing.T) {
	list := rows(60)
	table := listing.New(rows(60))
	for _, text := range []string{
		"", "owner=team-1", "owner=team-1&owner=team-2", "tag=t3&tag=all", "owner=team-0&tag=t1&q=S00", "q=s000", "changed_since=1004&tag=t2", "owner=nobody",
	} {
		filter := query(t, text).Filter
		var listed, passed []listing.Key
		for _, i := range table.All(filter) {
			listed = append(listed, table.Key(int(i)))
		}
		for i := range list {
			if filter.Passes(&list[i]) {
				passed = append(passed, list[i].Key)
			}
		}
		require.ElementsMatch(t, listed, passed, text)
	}
}
