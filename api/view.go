package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// view is one snapshot, arranged for answering: sorted, indexed, and encoded
// bit by bit as it is asked for. It is immutable but for those encodings.
type view struct {
	snap       *scorecard.Snapshot
	tag        string // differs between any two views that could answer differently
	services   *listing.Table
	scorecards *listing.Table
	verdicts   []func() (*wire.Body, error) // of the scorecards, by row
	rubrics    *listing.Table
	sources    *listing.Table
	rollups    func() *rollups
	byService  map[catalog.ID][]*scorecard.Scorecard
	byID       map[catalog.ID]*catalog.Service
	pages      sync.Map // cache key → []byte, for pages that do not depend on free text
}

// views keeps the view of the snapshot that is served.
type views struct {
	version string
	current atomic.Pointer[view]
	build   sync.Mutex
}

// of returns the view of snap, which the first caller of a generation builds
// while the others wait.
func (vs *views) of(snap *scorecard.Snapshot) *view {
	if v := vs.current.Load(); v != nil && v.snap == snap {
		return v
	}
	vs.build.Lock()
	defer vs.build.Unlock()
	if v := vs.current.Load(); v != nil && v.snap == snap {
		return v
	}
	v := newView(snap, vs.version)
	vs.current.Store(v)
	return v
}

func newView(snap *scorecard.Snapshot, version string) *view {
	v := &view{
		snap: snap,
		tag: fmt.Sprintf("%s %d %d %d %d", version, snap.Epoch, snap.Generation,
			snap.Tick.UnixNano(), snap.CommittedAt.UnixNano()),
		byService: make(map[catalog.ID][]*scorecard.Scorecard),
		byID:      make(map[catalog.ID]*catalog.Service),
	}
	v.scorecards = v.scorecardTable(snap.Scorecards)
	v.services = v.serviceTable(snap.Catalog)
	v.rubrics = rubricTable(snap)
	v.sources = sourceTable(snap.Sources)
	v.rollups = sync.OnceValue(func() *rollups { return newRollups(snap) })
	return v
}

// scorecardTable sorts the scorecards, which a snapshot has in that order
// already, and indexes them.
func (v *view) scorecardTable(cards []*scorecard.Scorecard) *listing.Table {
	cards = slices.DeleteFunc(slices.Clone(cards), func(c *scorecard.Scorecard) bool { return c == nil || c.Service == nil })
	slices.SortFunc(cards, func(a, b *scorecard.Scorecard) int { return scorecardKey(a).Compare(scorecardKey(b)) })
	rows := make([]listing.Row, len(cards))
	for i, c := range cards {
		rows[i] = listing.Row{
			Key: scorecardKey(c), Fields: scorecardFields(c), Text: searchText(c.Service),
			Score: c.Score, Coverage: c.Coverage, Changed: changed(c),
			Encode: func() (*wire.Body, error) { return wire.Scorecard(c) },
		}
		v.verdicts = append(v.verdicts, sync.OnceValues(func() (*wire.Body, error) { return wire.Verdict(c) }))
		v.byService[c.Service.ID] = append(v.byService[c.Service.ID], c)
	}
	return listing.New(rows)
}

func (v *view) serviceTable(cat *catalog.Snapshot) *listing.Table {
	if cat == nil {
		return listing.New(nil)
	}
	rows := make([]listing.Row, 0, cat.Len())
	for _, s := range cat.Services() {
		cards := v.byService[s.ID]
		v.byID[s.ID] = s
		rows = append(rows, listing.Row{
			Key: listing.Key{Namespace: s.ID.Namespace, Name: s.ID.Name}, Fields: serviceFields(s), Text: searchText(s),
			Encode: func() (*wire.Body, error) { return wire.Service(s, cards) },
		})
	}
	return listing.New(rows)
}

// service returns the service with the id, nil if the catalog has none.
func (v *view) service(id catalog.ID) *catalog.Service {
	if s := v.byID[id]; s != nil {
		return s
	}
	if cards := v.byService[id]; len(cards) > 0 {
		return cards[0].Service
	}
	return nil
}

func rubricTable(snap *scorecard.Snapshot) *listing.Table {
	rows := make([]listing.Row, 0, len(snap.Rubrics))
	for _, r := range snap.Rubrics {
		rows = append(rows, listing.Row{
			Key:    listing.Key{Name: r.Name},
			Encode: func() (*wire.Body, error) { return wire.Rubric(r) },
		})
	}
	return listing.New(rows)
}

func sourceTable(sources []scorecard.SourceStatus) *listing.Table {
	rows := make([]listing.Row, 0, len(sources))
	for i := range sources {
		rows = append(rows, listing.Row{
			Key:    listing.Key{Name: sources[i].Name},
			Fields: []listing.Field{{Name: "state", Value: sources[i].State}, {Name: "environment", Value: sources[i].Environment}},
			Encode: func() (*wire.Body, error) { return wire.Source(&sources[i]) },
		})
	}
	return listing.New(rows)
}

func scorecardKey(c *scorecard.Scorecard) listing.Key {
	return listing.Key{Rubric: c.Rubric, Namespace: c.Service.ID.Namespace, Name: c.Service.ID.Name}
}

func scorecardFields(c *scorecard.Scorecard) []listing.Field {
	return append(serviceFields(c.Service),
		listing.Field{Name: "rubric", Value: c.Rubric},
		listing.Field{Name: "grade", Value: orNone(c.Grade)},
		listing.Field{Name: "level", Value: orNone(c.Level)},
		listing.Field{Name: "status", Value: string(c.Status)},
		listing.Field{Name: "service", Value: c.Service.ID.String()})
}

func serviceFields(s *catalog.Service) []listing.Field {
	tier := listing.None
	if s.Tier != 0 {
		tier = strconv.Itoa(s.Tier)
	}
	fields := []listing.Field{
		{Name: "owner", Value: orNone(s.Owner)},
		{Name: "system", Value: orNone(s.System)},
		{Name: "domain", Value: orNone(s.Domain)},
		{Name: "lifecycle", Value: orNone(s.Lifecycle)},
		{Name: "type", Value: orNone(s.Type)},
		{Name: "tier", Value: tier},
	}
	for _, t := range s.Tags {
		fields = append(fields, listing.Field{Name: "tag", Value: t})
	}
	return fields
}

func orNone(s string) string {
	if s == "" {
		return listing.None
	}
	return s
}

func searchText(s *catalog.Service) string {
	return strings.ToLower(s.ID.String() + " " + s.Title + " " + s.Owner + " " + s.System)
}

// changed is when a verdict of the scorecard last became what it is.
func changed(c *scorecard.Scorecard) time.Time {
	var at time.Time
	for i := range c.Results {
		if since := c.Results[i].Since; since.After(at) {
			at = since
		}
	}
	return at
}
