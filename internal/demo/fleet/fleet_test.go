package fleet_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/internal/demo/fleet"
)

func generate(t *testing.T, seed int64, services int) *fleet.Fleet {
	t.Helper()
	f, err := fleet.Generate(seed, services)
	require.NoError(t, err)
	return f
}

func TestAFleetIsDecidedByItsSeed(t *testing.T) {
	require.Empty(t, cmp.Diff(generate(t, 1, 60), generate(t, 1, 60)))
	require.NotEmpty(t, cmp.Diff(generate(t, 1, 60), generate(t, 2, 60)))
}

func TestALargerFleetHasTheServicesOfASmallerOne(t *testing.T) {
	small, large := generate(t, 1, 600), generate(t, 1, 900)
	require.Empty(t, cmp.Diff(small.Services, large.Services[:600]))
}

func TestEveryServiceIsComplete(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	for _, size := range []int{1, 7, 60, 600, fleet.MaxServices} {
		t.Run(fmt.Sprintf("in a fleet of %d", size), func(t *testing.T) {
			f := generate(t, 1, size)
			require.Len(t, f.Services, size)
			systems, teams, names := map[string]bool{}, map[string]bool{"": true}, map[string]bool{}
			for _, s := range f.Systems {
				systems[s.Name] = true
			}
			for _, team := range f.Teams {
				teams[team.Name] = true
			}
			for _, s := range f.Services {
				require.Regexp(t, id, s.Name)
				require.False(t, names[s.Name], "%s is there twice", s.Name)
				names[s.Name] = true
				require.True(t, systems[s.System], "%s is of the unknown system %q", s.Name, s.System)
				require.True(t, teams[s.Owner], "%s is owned by the unknown team %q", s.Name, s.Owner)
				require.Contains(t, []int{0, 1, 2, 3, 4}, s.Tier)
				require.NotEmpty(t, s.Instances)
				require.Equal(t, []string{"http"}, s.Tags)
			}
			for _, s := range f.Services {
				for _, d := range s.DependsOn {
					require.True(t, names[d], "%s depends on %s, which is not there", s.Name, d)
				}
			}
		})
	}
}

func TestTheHandNamedServicesAllHaveATierInTheTable(t *testing.T) {
	tiers := map[int]int{}
	for _, s := range generate(t, 1, 60).Services {
		tiers[s.Tier]++
	}
	for tier := 1; tier <= 4; tier++ {
		require.GreaterOrEqual(t, tiers[tier], 5, "services of tier %d", tier)
	}
	require.LessOrEqual(t, tiers[0], 4, "services without a tier")
}

func TestTheFleetHasAboutAsManyInstancesAsPromised(t *testing.T) {
	for _, test := range []struct {
		services int
		mean     float64
	}{{60, 2.2}, {600, 1.3}, {5000, 1.3}} {
		count := 0
		for _, s := range generate(t, 1, test.services).Services {
			require.LessOrEqual(t, len(s.Instances), 9)
			count += len(s.Instances)
		}
		require.InDelta(t, test.mean, float64(count)/float64(test.services), 0.3, "instances per service of %d", test.services)
	}
}

func TestMostServicesAreHealthyAndSomeAreNot(t *testing.T) {
	healthy := 0
	for _, s := range generate(t, 1, 600).Services {
		if s.Healthy {
			healthy++
		}
	}
	require.InDelta(t, 0.82, float64(healthy)/600, 0.06)
}

func TestAFleetOfAnImpossibleSizeIsRefused(t *testing.T) {
	for _, size := range []int{-1, 0, fleet.MaxServices + 1} {
		_, err := fleet.Generate(1, size)
		require.ErrorContains(t, err, "between 1 and 5000")
	}
}
