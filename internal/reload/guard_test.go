package reload

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// ids returns "default/0" to "default/<n-1>", from a first number on.
func ids(first, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("default/%d", first+i)
	}
	return out
}

func TestAGuardCountsTheIdsThatVanish(t *testing.T) {
	for name, c := range map[string]struct {
		current, next []string
		vanishing     int // 0: admitted
	}{
		"nothing was there before":                   {nil, ids(0, 3), 0},
		"nothing is there before and after":          {nil, nil, 0},
		"nothing changes":                            {ids(0, 10), ids(0, 10), 0},
		"services are added":                         {ids(0, 10), ids(0, 100), 0},
		"exactly a fifth goes":                       {ids(0, 10), ids(0, 8), 0},
		"more than a fifth goes":                     {ids(0, 10), ids(0, 7), 3},
		"one of two goes":                            {ids(0, 2), ids(0, 1), 1},
		"all go":                                     {ids(0, 10), nil, 10},
		"as many come as go":                         {ids(0, 10), ids(3, 10), 3},
		"many more come than go":                     {ids(0, 10), ids(3, 1000), 3},
		"an id is there twice, and counts once":      {append(ids(0, 4), "default/0", "default/0"), ids(1, 3), 1},
		"an id is there twice in the next, as well":  {ids(0, 10), append(ids(0, 7), "default/0", "default/1", "default/2"), 3},
		"a service of five thousand goes, unnoticed": {ids(0, 5000), ids(1, 4999), 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(c.current)
			var g ShrinkGuard
			err := g.Admit(c.current, c.next, "v")
			require.Equal(t, before, c.current, "what was passed stays as it was")
			if c.vanishing == 0 {
				require.NoError(t, err)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.vanishing, refused.Vanishing)
		})
	}
}

func TestTheThirdSightingInARowIsAdmitted(t *testing.T) {
	var g ShrinkGuard
	full, half, third := ids(0, 9), ids(0, 5), ids(0, 3)
	seen := func(next []string, version string) int {
		t.Helper()
		err := g.Admit(full, next, version)
		if err == nil {
			return 0
		}
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		return refused.Seen
	}
	require.Equal(t, 1, seen(half, "half"))
	require.Equal(t, 2, seen(half, "half"))
	require.Equal(t, 0, seen(half, "half"))
	require.Equal(t, 1, seen(half, "half"), "an admitted catalog starts the count anew")
	require.Equal(t, 2, seen(half, "half"))
	require.Equal(t, 1, seen(third, "third"), "another catalog starts the count anew")
	require.Equal(t, 1, seen(half, "half"), "and so does the one before it")
	require.Equal(t, 2, seen(half, "half"))
	require.Equal(t, 0, seen(full, "full"))
	require.Equal(t, 1, seen(half, "half"), "it was not in a row")
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	var g ShrinkGuard
	require.EqualError(t, g.Admit(ids(0, 9), ids(0, 5), "half"), "replacing the catalog: 4 of its 9 services would vanish "+
		"(default/5, default/6, default/7, …), and more than 20 % at once is taken for an accident: mend the catalog files; "+
		"or, if these services are to go, leave the files as they are: this very catalog was offered 1 of 3 times in a row "+
		"and is offered again by itself, or by further reloads")
	require.ErrorContains(t, g.Admit([]string{"a/a", "b/b"}, nil, "none"), "2 of its 2 services would vanish (a/a, b/b), ")
}

// TestAGuardHoldsBackForTwoSightings offers any catalogs in any order: what is
// admitted has lost at most a fifth, or was offered three times in a row.
func TestAGuardHoldsBackForTwoSightings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g ShrinkGuard
		catalogOf := rapid.SliceOfNDistinct(rapid.IntRange(0, 15), 0, 12, rapid.ID[int])
		numbers := rapid.SliceOfN(catalogOf, 2, 4).Draw(t, "catalogs")
		catalogs := make([][]string, len(numbers))
		for i, ns := range numbers {
			for _, n := range ns {
				catalogs[i] = append(catalogs[i], fmt.Sprintf("default/%d", n))
			}
		}
		current, row, last := 0, 0, -1
		for _, next := range rapid.SliceOfN(rapid.IntRange(0, len(catalogs)-1), 1, 40).Draw(t, "offers") {
			lost := 0
			for _, id := range catalogs[current] {
				if !slices.Contains(catalogs[next], id) {
					lost++
				}
			}
			if next != last {
				row = 0
			}
			row, last = row+1, next
			small := float64(lost) <= 0.2*float64(len(catalogs[current]))
			err := g.Admit(catalogs[current], catalogs[next], fmt.Sprint(next))
			require.Equal(t, small || row == 3, err == nil, "%d of %d are lost, sighting %d: %v", lost, len(catalogs[current]), row, err)
			if err == nil {
				current, row, last = next, 0, -1
			}
		}
	})
}
