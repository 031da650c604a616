package api

import (
	"strings"
	"sync"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/api/wire"
	"github.com/apgarhq/apgar/scorecard"
)

// rollups are the tables of rollups of a snapshot, by rubric; each is made when
// it is first asked for.
type rollups struct {
	roller *scorecard.Roller
	tables map[string]func() *listing.Table
}

func newRollups(snap *scorecard.Snapshot) *rollups {
	r := &rollups{roller: scorecard.NewRoller(snap), tables: map[string]func() *listing.Table{}}
	for _, name := range r.roller.Rubrics() {
		r.tables[name] = sync.OnceValue(func() *listing.Table { return rollupTable(r.roller.Of(name)) })
	}
	return r
}

func rollupTable(list []scorecard.Rollup) *listing.Table {
	rows := make([]listing.Row, len(list))
	for i := range list {
		r := &list[i]
		rows[i] = listing.Row{
			// The dimension stands where a service has its namespace.
			Key:    listing.Key{Rubric: r.Rubric, Namespace: string(r.By), Name: r.Name},
			Fields: []listing.Field{{Name: "by", Value: string(r.By)}, {Name: "name", Value: orNone(r.Name)}},
			Text:   strings.ToLower(r.Name), Score: r.Score, Coverage: knownShare(r),
			Encode: func() (*wire.Body, error) { return wire.Rollup(r) },
		}
	}
	return listing.New(rows)
}

func knownShare(r *scorecard.Rollup) float64 {
	if r.Weight == 0 {
		return 0
	}
	return r.Known / r.Weight
}

func rollupsSpec() listing.Spec {
	return listing.Spec{
		List: "rollups", Fields: []string{"rubric", "by", "name"}, Search: true,
		Orders: []listing.Order{listing.ByScore, listing.ByScoreDesc, listing.ByCoverage, listing.ByCoverageDesc},
	}
}

// listRollups answers for one rubric: the overall scorecards unless another is
// named.
func listRollups(r request) ([]byte, error) {
	q, err := rollupsSpec().Parse(r.values)
	if err != nil {
		return nil, err
	}
	rubrics := q.Filter.Fields["rubric"]
	if len(rubrics) == 0 {
		rubrics = []string{scorecard.Overall}
	}
	if len(rubrics) > 1 {
		return nil, &listing.ParamError{Param: "rubric", Reason: "scores of different rubrics are rolled up apart; allowed is one rubric"}
	}
	delete(q.Filter.Fields, "rubric")
	table, ok := r.view.rollups().tables[rubrics[0]]
	if !ok {
		return pageJSON(r, listing.New(nil), q)
	}
	return pageJSON(r, table(), q)
}
