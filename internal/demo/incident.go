package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/apgarhq/apgar/internal/demo/fleet"
	"github.com/apgarhq/apgar/internal/demo/traffic"
)

// Kind is what sort of incident it is.
type Kind string

// The kinds of incidents.
const (
	SaturatedPool Kind = "saturated pool"
	BadDeploy     Kind = "bad deploy"
	ScrapeOutage  Kind = "scrape outage"
)

// Incident is the beginning or the end of something that goes wrong in the fleet.
type Incident struct {
	Time time.Time
	Kind Kind
	// Service is set for what strikes one service, Cluster for what strikes a whole cluster.
	Service, Cluster string
	// Text says it in one line, for people.
	Text    string
	Started bool
}

// effects is what incidents do to the fleet.
type effects interface {
	// addEpisode lets every instance of the service live through an episode that lies in the future.
	addEpisode(service string, e traffic.Episode)
	// setScraped says whether the targets of a cluster are scraped.
	setScraped(ctx context.Context, cluster string, scraped bool) error
}

// event is an incident's beginning or end that is yet to come.
type event struct {
	Incident
	last bool // of those planned so far: when it begins, the next one is planned
}

// script plans incidents by seed and carries them out on time. Episodes are handed over well before they begin, so
// that counters are continuous.
type script struct {
	random  *rand.Rand
	targets []fleet.Service // those that an incident may strike
	effects effects
	emit    func(Incident)
	now     func() time.Time

	events []event              // by time
	busy   map[string]time.Time // until when a service or cluster is struck
	last   time.Time            // when the last planned incident begins
}

const (
	poolDuration   = 4 * time.Minute
	deployDuration = 3 * time.Minute
	outageDuration = 3 * time.Minute
	outageCluster  = "ap-south"
)

func newScript(seed int64, f *fleet.Fleet, do effects, emit func(Incident), now func() time.Time) *script {
	return &script{
		random:  rand.New(rand.NewPCG(uint64(seed), 0xa59a)),
		targets: strikable(f),
		effects: do,
		emit:    emit,
		now:     now,
		busy:    map[string]time.Time{},
	}
}

// strikable returns the services whose incidents are visible: healthy ones among the hand-named, of the lowest tiers
// there are, that do not run in the cluster of the announced outage alone.
func strikable(f *fleet.Fleet) []fleet.Service {
	const handNamed = 60
	services := f.Services[:min(handNamed, len(f.Services))]
	elsewhere := func(i fleet.Instance) bool { return i.Cluster != outageCluster }
	for _, tier := range []int{2, 4} {
		found := slices.DeleteFunc(slices.Clone(services), func(s fleet.Service) bool {
			return !s.Healthy || s.Tier == 0 || s.Tier > tier || !slices.ContainsFunc(s.Instances, elsewhere)
		})
		if len(found) > 2 {
			return found
		}
	}
	return services
}

// run carries the script out until ctx ends or an effect fails. The incidents that are under way then do not end.
func (s *script) run(ctx context.Context) error {
	start := s.now()
	s.plan(SaturatedPool, start.Add(30*time.Second))
	s.plan(BadDeploy, start.Add(time.Minute))
	s.plan(ScrapeOutage, start.Add(4*time.Minute))
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := s.events[0]
		timer.Reset(next.Time.Sub(s.now()))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		s.events = s.events[1:]
		if next.last {
			s.planAny()
		}
		if next.Kind == ScrapeOutage {
			if err := s.effects.setScraped(ctx, next.Cluster, !next.Started); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("changing whether %s is scraped: %w", next.Cluster, err)
			}
		}
		s.emit(next.Incident)
	}
}

// planAny plans an incident of any kind three to six minutes after the beginning of the last one.
func (s *script) planAny() {
	kinds := []Kind{SaturatedPool, BadDeploy, BadDeploy, ScrapeOutage}
	at := s.last.Add(3*time.Minute + time.Duration(s.random.Int64N(int64(3*time.Minute))).Truncate(time.Second))
	s.plan(kinds[s.random.IntN(len(kinds))], at)
}

func (s *script) plan(kind Kind, at time.Time) {
	s.last = at
	for i := range s.events {
		s.events[i].last = false
	}
	switch kind {
	case ScrapeOutage:
		s.planOutage(at)
	case SaturatedPool:
		s.planPool(at)
	default:
		s.planDeploy(at)
	}
	slices.SortStableFunc(s.events, func(a, b event) int { return a.Time.Compare(b.Time) })
}

func (s *script) planOutage(at time.Time) {
	end := at.Add(outageDuration)
	cluster := outageCluster
	if s.busy[cluster].IsZero() { // the first outage is the announced one
		s.busy[cluster] = end
	} else {
		cluster = fleet.Clusters()[s.random.IntN(len(fleet.Clusters()))]
	}
	s.add(Incident{Time: at, Kind: ScrapeOutage, Cluster: cluster}, end,
		fmt.Sprintf("scrape outage: %s is not scraped any more (until %s)", cluster, clock(end)),
		fmt.Sprintf("scrape outage: %s is scraped again", cluster))
}

func (s *script) planPool(at time.Time) {
	end := at.Add(poolDuration)
	service := s.choose(at, end, 1)
	s.effects.addEpisode(service.Name, saturation(at, end))
	s.add(Incident{Time: at, Kind: SaturatedPool, Service: service.Name}, end,
		fmt.Sprintf("saturated pool: %s answers most requests slower than 500 ms, 98 %% of its file descriptors are open (until %s)", service.Name, clock(end)),
		fmt.Sprintf("saturated pool: %s answers in time again", service.Name))
}

func (s *script) planDeploy(at time.Time) {
	end := at.Add(deployDuration)
	service := s.choose(at, end, 2)
	version := nextVersion(service.Version)
	s.effects.addEpisode(service.Name, badRelease(at, end, version))
	s.add(Incident{Time: at, Kind: BadDeploy, Service: service.Name}, end,
		fmt.Sprintf("bad deploy: %s %s answers 500 to half of its requests (until %s)", service.Name, version, clock(end)),
		fmt.Sprintf("bad deploy: %s is rolled back to %s", service.Name, service.Version))
}

func (s *script) add(i Incident, end time.Time, started, ended string) {
	begin, finish := i, i
	begin.Text, begin.Started = started, true
	finish.Text, finish.Time = ended, end
	s.events = append(s.events, event{Incident: begin, last: true}, event{Incident: finish})
}

// choose picks a service of at most that tier that nothing else strikes meanwhile; failing that, of any tier.
func (s *script) choose(at, end time.Time, tier int) fleet.Service {
	free := func(most int) []fleet.Service {
		return slices.DeleteFunc(slices.Clone(s.targets), func(t fleet.Service) bool {
			return t.Tier > most || !at.After(s.busy[t.Name])
		})
	}
	candidates := free(tier)
	if len(candidates) == 0 {
		candidates = free(4)
	}
	if len(candidates) == 0 {
		candidates = s.targets // its episode is ignored where it overlaps another
	}
	chosen := candidates[s.random.IntN(len(candidates))]
	s.busy[chosen.Name] = end
	return chosen
}

func saturation(from, to time.Time) traffic.Episode {
	return traffic.Episode{From: from, To: to, SlowRatio: 0.8, DescriptorShare: 0.98}
}

func badRelease(from, to time.Time, version string) traffic.Episode {
	return traffic.Episode{From: from, To: to, ErrorRatio: 0.5, Version: version}
}

// nextVersion returns the minor release after a version of the form major.minor.patch.
func nextVersion(version string) string {
	var major, minor, patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &major, &minor, &patch); err != nil {
		return version + "-next"
	}
	return fmt.Sprintf("%d.%d.0", major, minor+1)
}

func clock(t time.Time) string { return t.Format(time.TimeOnly) }
