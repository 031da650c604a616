package exporter

import (
	"math"
	"strconv"

	dto "github.com/prometheus/client_model/go"

	"github.com/apgarhq/apgar/scorecard"
)

// family is one metric of the page: its name, its help, and its series.
type family struct {
	name string
	help string
	// each yields the value and the labels of every series. It may be called
	// several times and yields the same each time.
	each func(*table, yield)
}

// yield takes one series. Its labels are valid until it returns.
type yield func(value float64, labels []*dto.LabelPair)

// families returns the metrics of the scorecards in the order in which they
// are kept when there are too many series: what is coarse and most looked at
// comes first.
func families() []family {
	return []family{
		{Score, "Score of the scorecard, 0 to 100; absent while unknown.", perScorecard(score)},
		{RollupScore, "Mean score of the services of a bucket, weighted by tier, 0 to 100; absent while too few are known.", perRollup},
		{Coverage, "Share of the scorecard's weight that data answered for; absent when no check has a weight.", perScorecard(coverage)},
		{Level, "Rank of the level that the service holds in the rubric, 0 for none; absent before the first score.", perScorecard(level)},
		{DataTimestamp, "Time of the data that the scorecard was graded from, in seconds since 1970.", perScorecard(dataTimestamp)},
		{ServiceInfo, "What the catalog says of the service; always 1.", perService},
		{ErrorBudgetRemaining, "Share of the check's error budget that is left, below 0 when overspent; there while the check warms up or is partial too, absent while nothing is counted.", perCheck(budgetRemaining)},
		{CheckCredit, "Share of its weight that the check earns; absent while not judged.", perCheck(credit)},
	}
}

// score is the score as the API publishes it, so that both always agree.
func score(c *scorecard.Scorecard) *float64 {
	return published(c.Score)
}

func published(score *float64) *float64 {
	if score == nil {
		return nil
	}
	rounded, err := strconv.ParseFloat(scorecard.RoundScore(*score), 64)
	if err != nil {
		return nil // not finite
	}
	return &rounded
}

// coverage is unknown where there is nothing to cover: 0 would be an alarm.
func coverage(c *scorecard.Scorecard) *float64 {
	if c.Status == scorecard.NotScored {
		return nil
	}
	return &c.Coverage
}

func level(c *scorecard.Scorecard) *float64 {
	if c.LevelRank == nil {
		return nil
	}
	return new(float64(*c.LevelRank))
}

func dataTimestamp(c *scorecard.Scorecard) *float64 {
	if c.DataTime.IsZero() {
		return nil
	}
	return new(float64(c.DataTime.UnixMilli()) / 1000)
}

func credit(r *checkRow) *float64 { return r.credit }

func budgetRemaining(r *checkRow) *float64 { return r.budgetRemaining }

func perScorecard(value func(*scorecard.Scorecard) *float64) func(*table, yield) {
	return func(t *table, yield yield) {
		labels := make([]*dto.LabelPair, 3)
		for i := range t.cards {
			r := &t.cards[i]
			if v := value(r.card); known(v) {
				labels[0], labels[1], labels[2] = r.rubric, r.service, r.namespace
				yield(*v, labels)
			}
		}
	}
}

func perCheck(value func(*checkRow) *float64) func(*table, yield) {
	return func(t *table, yield yield) {
		labels := make([]*dto.LabelPair, 4)
		for i := range t.checks {
			r := &t.checks[i]
			if v := value(r); known(v) {
				c := &t.cards[r.card]
				labels[0], labels[1], labels[2], labels[3] = r.check, c.rubric, c.service, c.namespace
				yield(*v, labels)
			}
		}
	}
}

func perRollup(t *table, yield yield) {
	for i := range t.rollups {
		yield(t.rollups[i].score, t.rollups[i].labels)
	}
}

func perService(t *table, yield yield) {
	for _, labels := range t.services {
		yield(1, labels)
	}
}

// known reports whether v is a number that a series may have.
func known(v *float64) bool {
	return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0)
}

// count returns how many series f has.
func (f *family) count(t *table) int {
	n := 0
	f.each(t, func(float64, []*dto.LabelPair) { n++ })
	return n
}

// build returns the n series of f for the encoder. They are cut from a few
// large pieces of memory: there may be hundreds of thousands.
func (f *family) build(t *table, n int) *dto.MetricFamily {
	var (
		metrics = make([]dto.Metric, n)
		gauges  = make([]dto.Gauge, n)
		values  = make([]float64, n)
		list    = make([]*dto.Metric, 0, n)
		pairs   []*dto.LabelPair
	)
	f.each(t, func(value float64, labels []*dto.LabelPair) {
		if pairs == nil {
			pairs = make([]*dto.LabelPair, 0, n*len(labels))
		}
		i, start := len(list), len(pairs)
		pairs = append(pairs, labels...)
		values[i] = value
		gauges[i].Value = &values[i]
		metrics[i].Gauge = &gauges[i]
		metrics[i].Label = pairs[start:len(pairs):len(pairs)]
		list = append(list, &metrics[i])
	})
	return &dto.MetricFamily{
		Name:   new(f.name),
		Help:   new(f.help),
		Type:   dto.MetricType_GAUGE.Enum(),
		Metric: list,
	}
}
