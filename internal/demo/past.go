package demo

import (
	"math/rand/v2"
	"time"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// past returns what the services have lived through before now, by service: three incidents in the last hour that have
// recovered, and smaller trouble over the day. It depends on the seed and on now only.
func past(seed int64, f *fleet.Fleet, now time.Time, history time.Duration) map[string][]traffic.Episode {
	random := rand.New(rand.NewPCG(uint64(seed), 0xdead))
	found := map[string][]traffic.Episode{}
	targets := strikable(f)
	recent := []struct {
		ago, lasted time.Duration
		deploy      bool
	}{
		{52 * time.Minute, 5 * time.Minute, true},
		{35 * time.Minute, 4 * time.Minute, false},
		{19 * time.Minute, 3 * time.Minute, true},
	}
	for k, p := range random.Perm(len(targets)) {
		if k == len(recent) {
			break
		}
		from := now.Add(-recent[k].ago)
		to := from.Add(recent[k].lasted)
		if recent[k].deploy {
			found[targets[p].Name] = []traffic.Episode{badRelease(from, to, nextVersion(targets[p].Version))}
		} else {
			found[targets[p].Name] = []traffic.Episode{saturation(from, to)}
		}
	}
	for _, s := range f.Services {
		for range random.IntN(3) {
			// An earlier episode wins over one that it overlaps, so nothing smaller may touch the last hours.
			ago := 2*time.Hour + time.Duration(random.Float64()*float64(max(history-2*time.Hour, 0)))
			from := now.Add(-ago).Truncate(time.Second)
			to := from.Add(time.Duration(3+random.IntN(8)) * time.Minute)
			small := traffic.Episode{From: from, To: to, ErrorRatio: 0.005 + 0.02*random.Float64()}
			if random.IntN(3) == 0 {
				small = traffic.Episode{From: from, To: to, SlowRatio: 0.05 + 0.15*random.Float64()}
			}
			found[s.Name] = append(found[s.Name], small)
		}
	}
	return found
}
