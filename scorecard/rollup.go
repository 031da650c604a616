package scorecard

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/slo"
)

// Dimension is what services are rolled up by.
type Dimension string

// The dimensions. A service is in the group that owns it and in all groups
// above that, and in every source that has cells of it.
const (
	ByOwner     Dimension = "owner"
	BySystem    Dimension = "system"
	ByDomain    Dimension = "domain"
	ByTier      Dimension = "tier"
	ByLifecycle Dimension = "lifecycle"
	BySource    Dimension = "source"
	ByGroup     Dimension = "group"
)

// Dimensions returns all dimensions.
func Dimensions() []Dimension {
	return []Dimension{ByOwner, BySystem, ByDomain, ByTier, ByLifecycle, BySource, ByGroup}
}

// Rollup is the scores of one rubric over the services of one bucket. It is
// immutable.
type Rollup struct {
	Rubric string
	By     Dimension
	Name   string // of the bucket; "" for services that belong nowhere
	// Score is Points ÷ Known, 0 to 100; nil where Known is below 0.8 of Weight.
	Score  *float64
	Points float64 // weight times score
	Known  float64 // weight of the services with a score, held ones included
	Weight float64 // of the services that are scored or unknown
	// The services, by what they add.
	Services, Scored, Held, Unknown, NotScored int
	Grades                                     map[string]int // by grade, of those with a score
	Levels                                     map[string]int // by level, "" for none, of those with a level rank
	Worst                                      []Worst        // five at most, the lowest score first
}

// Worst is a service with a low score.
type Worst struct {
	Service catalog.ID
	Score   float64
	Held    bool // the score is the last one of a service that is unknown now
}

// mostWorst is how many of the worst services a rollup names.
const mostWorst = 5

// RollupInput is what rollups are made of.
type RollupInput struct {
	By Dimension
	// Cards are the scorecards of one rubric, of any number of services.
	// Drafts are passed over.
	Cards   []*Scorecard
	Catalog *catalog.Snapshot // for the groups above an owner; may be nil
	// Sources are those that have cells of a service; see SourcesOf.
	Sources map[catalog.ID][]string
	Tick    time.Time
}

// Rollups sums up scorecards by a dimension, in order of bucket name. A score
// is the mean over services weighted by tier: 4, 3, 2 and 1, and 1 for none.
// An unknown service stands with its last score for a day.
func Rollups(in RollupInput) []Rollup {
	buckets := map[string]*Rollup{}
	cards := in.Cards
	if !slices.IsSortedFunc(cards, Compare) { // those of a snapshot are
		cards = slices.SortedFunc(slices.Values(cards), Compare)
	}
	for _, c := range cards {
		if c.Draft {
			continue
		}
		for _, name := range in.bucketsOf(c.Service) {
			r := buckets[name]
			if r == nil {
				r = &Rollup{Rubric: c.Rubric, By: in.By, Name: name, Grades: map[string]int{}, Levels: map[string]int{}}
				buckets[name] = r
			}
			r.add(c, in.Tick)
		}
	}
	out := make([]Rollup, 0, len(buckets))
	for _, name := range slices.Sorted(maps.Keys(buckets)) {
		r := buckets[name]
		if r.Known > 0 && slo.AtLeast(r.Known, minKnownWeight*r.Weight) {
			r.Score = ptr(min(100, r.Points/r.Known))
		}
		out = append(out, *r)
	}
	return out
}

// SourcesOf returns which sources have cells of which services, sorted.
func SourcesOf(cards []*Scorecard) map[catalog.ID][]string {
	out := map[catalog.ID][]string{}
	for _, c := range cards {
		if c == nil || c.Service == nil {
			continue
		}
		sources := out[c.Service.ID]
		for i := range c.Results {
			for _, cell := range c.Results[i].Cells {
				if at, found := slices.BinarySearch(sources, cell.Source); !found {
					sources = slices.Insert(sources, at, cell.Source)
				}
			}
		}
		out[c.Service.ID] = sources
	}
	return out
}

func (in *RollupInput) bucketsOf(s *catalog.Service) []string {
	var names []string
	switch in.By {
	case ByOwner:
		names = []string{s.Owner}
	case BySystem:
		names = []string{s.System}
	case ByDomain:
		names = []string{s.Domain}
	case ByLifecycle:
		names = []string{s.Lifecycle}
	case ByTier:
		if s.Tier > 0 {
			names = []string{strconv.Itoa(s.Tier)}
		}
	case BySource:
		names = in.Sources[s.ID]
	case ByGroup:
		names = in.groupsOf(s.Owner)
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// groupsOf returns an owner and the groups above it. Groups that are above
// themselves end the list.
func (in *RollupInput) groupsOf(owner string) []string {
	var names []string
	for owner != "" && !slices.Contains(names, owner) {
		names = append(names, owner)
		owner = in.parentOf(owner)
	}
	return names
}

// parentOf returns the group above a group; "" where the catalog names none.
func (in *RollupInput) parentOf(group string) string {
	if in.Catalog == nil {
		return ""
	}
	id, err := catalog.ParseID(group)
	if err != nil {
		return ""
	}
	e, ok := in.Catalog.Entity("group", id)
	if !ok {
		return ""
	}
	return e.Parent
}

// tierWeight is how much a service counts in a rollup.
func tierWeight(tier int) float64 {
	if tier < 1 || tier > 4 {
		return 1
	}
	return float64(5 - tier)
}

func (r *Rollup) add(c *Scorecard, tick time.Time) {
	r.Services++
	if c.LevelRank != nil {
		r.Levels[c.Level]++
	}
	if c.Status == NotScored {
		r.NotScored++
		return
	}
	weight := tierWeight(c.Service.Tier)
	r.Weight += weight
	score, held, ok := c.StandsAt(tick)
	switch {
	case !ok:
		r.Unknown++
		return
	case held:
		r.Unknown++
		r.Held++
	default:
		r.Scored++
	}
	r.Known += weight
	r.Points += weight * score
	r.Grades[gradeOf(score)]++
	r.rank(Worst{c.Service.ID, score, held})
}

// rank puts a service among the worst, if it is one.
func (r *Rollup) rank(w Worst) {
	at, _ := slices.BinarySearchFunc(r.Worst, w, func(a, b Worst) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), a.Service.Compare(b.Service))
	})
	if at < mostWorst {
		r.Worst = slices.Insert(r.Worst, at, w)
		r.Worst = r.Worst[:min(mostWorst, len(r.Worst))]
	}
}
