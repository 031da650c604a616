package exporter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// table is what a snapshot has to show, with the labels of everything. No two
// scorecards, services or checks of a scorecard have the same labels, so no
// two series have.
type table struct {
	cards    []cardRow
	checks   []checkRow
	services [][]*dto.LabelPair
	rollups  []rollupRow
}

// rollupRow is the score of one bucket.
type rollupRow struct {
	score  float64
	labels []*dto.LabelPair
}

// nameless is the name of the bucket of services that are in no other one.
const nameless = "none"

// cardRow is one scorecard.
type cardRow struct {
	card                       *scorecard.Scorecard
	rubric, service, namespace *dto.LabelPair
}

// checkRow is one result of a scorecard. It has the values themselves, for
// results are large and far apart in memory.
type checkRow struct {
	card            int32 // in table.cards
	check           *dto.LabelPair
	credit          *float64
	budgetRemaining *float64
}

// replacement takes the place of bytes that are no text.
const replacement = "\uFFFD"

// newTable makes the table of a snapshot. Drafts are not in it, those included
// whose rubric is not yet in effect: they count nowhere, and a sum over series
// could not tell them apart.
func newTable(s *scorecard.Snapshot) *table {
	var (
		t      = &table{cards: make([]cardRow, 0, len(s.Scorecards))}
		values = make(interner)
		seen   = make(map[scorecard.Key]bool, len(s.Scorecards))
		known  = map[catalog.ID]bool{}
	)
	results := 0
	for _, c := range s.Scorecards {
		if c != nil {
			results += len(c.Results)
		}
	}
	t.checks = make([]checkRow, 0, results)
	for _, c := range s.Scorecards {
		if c == nil || c.Service == nil || c.Draft {
			continue
		}
		// Made valid, two names may turn out to be the same.
		id := catalog.ID{Namespace: valid(c.Service.ID.Namespace), Name: valid(c.Service.ID.Name)}
		key := scorecard.Key{Rubric: valid(c.Rubric), Service: id}
		if seen[key] {
			continue
		}
		seen[key] = true
		r := cardRow{
			card:      c,
			rubric:    values.pair(LabelRubric, key.Rubric),
			service:   values.pair(LabelService, id.Name),
			namespace: values.pair(LabelServiceNamespace, id.Namespace),
		}
		t.cards = append(t.cards, r)
		t.addChecks(c.Results, values)
		if !known[id] {
			known[id] = true
			t.services = append(t.services, values.info(c.Service, r))
		}
	}
	t.addRollups(s, values)
	return t
}

// addRollups adds the buckets that have a score. Of two with the same name the
// first stays.
func (t *table) addRollups(s *scorecard.Snapshot, values interner) {
	type bucket struct{ rubric, by, name string }
	seen := map[bucket]bool{}
	roller := scorecard.NewRoller(s)
	for _, rubric := range roller.Rubrics() {
		for _, r := range roller.Of(rubric) {
			b := bucket{valid(rubric), string(r.By), cmp.Or(valid(r.Name), nameless)}
			score := published(r.Score)
			if !known(score) || seen[b] {
				continue
			}
			seen[b] = true
			t.rollups = append(t.rollups, rollupRow{*score, []*dto.LabelPair{
				values.pair(LabelBy, b.by), values.pair(LabelName, b.name), values.pair(LabelRubric, b.rubric),
			}})
		}
	}
}

// interner keeps one label pair per name and value.
type interner map[[2]string]*dto.LabelPair

func (in interner) pair(name, value string) *dto.LabelPair {
	k := [2]string{name, value}
	p, ok := in[k]
	if !ok {
		name, value := name, value // so that only these go to the heap
		p = &dto.LabelPair{Name: &name, Value: &value}
		in[k] = p
	}
	return p
}

// addChecks adds the results of the last scorecard. Of two with the same name
// the first stays.
func (t *table) addChecks(results []scorecard.Result, values interner) {
	first := len(t.checks)
	for i := range results {
		r := &results[i]
		row := checkRow{
			card:   int32(len(t.cards) - 1),
			check:  values.pair(LabelCheck, valid(r.Check)),
			credit: r.Credit,
		}
		if r.Budget != nil {
			row.budgetRemaining = r.Budget.Remaining
		}
		if !slices.ContainsFunc(t.checks[first:], func(c checkRow) bool { return c.check == row.check }) {
			t.checks = append(t.checks, row)
		}
	}
}

// info returns the labels of a service's info metric.
func (in interner) info(s *catalog.Service, r cardRow) []*dto.LabelPair {
	tier := ""
	if s.Tier > 0 {
		tier = strconv.Itoa(s.Tier)
	}
	return []*dto.LabelPair{
		in.pair(LabelLifecycle, valid(s.Lifecycle)),
		in.pair(LabelOwner, valid(s.Owner)),
		r.service,
		r.namespace,
		in.pair(LabelSystem, valid(s.System)),
		in.pair(LabelTier, tier),
	}
}

// valid makes s fit for a label value, which is any UTF-8 text.
func valid(s string) string { return strings.ToValidUTF8(s, replacement) }
