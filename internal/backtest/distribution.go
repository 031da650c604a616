package backtest

import (
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
)

// Bins is how many equal ranges the scores from 0 to 100 are counted in; 100
// is in the last one.
const Bins = 20

// Distribution counts scorecards.
type Distribution struct {
	Scorecards int     `json:"scorecards"`
	Unknown    int     `json:"unknown"` // of them, without a score
	Scores     []int   `json:"scores"`  // by range of 5 points
	Grades     []Count `json:"grades"`  // A to F
	Levels     []Count `json:"levels"`  // from the highest, then none
	Failing    int     `json:"failing"` // that do not pass
	sum        float64
}

// Count is how many have a name.
type Count struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// noLevel stands for a scorecard without a level.
const noLevel = "no level"

// nothing returns the distributions before and after of no scorecards.
func (t *tally) nothing() [2]Distribution {
	return [2]Distribution{distribution(t.change.Before), distribution(t.change.After)}
}

// distribution returns an empty one with the levels of a rubric.
func distribution(r *rubric.Rubric) Distribution {
	d := Distribution{Scores: make([]int, Bins)}
	for _, grade := range []string{"A", "B", "C", "D", "F"} {
		d.Grades = append(d.Grades, Count{Name: grade})
	}
	if r == nil || len(r.Levels) == 0 {
		return d
	}
	for i := len(r.Levels) - 1; i >= 0; i-- {
		d.Levels = append(d.Levels, Count{Name: r.Levels[i]})
	}
	d.Levels = append(d.Levels, Count{Name: noLevel})
	return d
}

func (d *Distribution) add(card *scorecard.Scorecard) {
	d.Scorecards++
	if card.Pass != nil && !*card.Pass {
		d.Failing++
	}
	if card.LevelRank != nil && len(d.Levels) > 0 {
		// The highest rank comes first, rank 0 last.
		if i := len(d.Levels) - 1 - *card.LevelRank; i >= 0 {
			d.Levels[i].Count++
		}
	}
	if card.Score == nil {
		d.Unknown++
		return
	}
	d.sum += *card.Score
	d.Scores[min(int(*card.Score*Bins/100), Bins-1)]++
	for i := range d.Grades {
		if d.Grades[i].Name == card.Grade {
			d.Grades[i].Count++
		}
	}
}

// plus adds what another one with the same names has counted.
func (d *Distribution) plus(o Distribution) {
	d.Scorecards, d.Unknown, d.Failing, d.sum = d.Scorecards+o.Scorecards, d.Unknown+o.Unknown, d.Failing+o.Failing, d.sum+o.sum
	for i, n := range o.Scores {
		d.Scores[i] += n
	}
	for i, c := range o.Grades {
		d.Grades[i].Count += c.Count
	}
	for i, c := range o.Levels {
		d.Levels[i].Count += c.Count
	}
}

// mean returns the mean score; nil where there is none.
func (d *Distribution) mean() *float64 {
	scored := d.Scorecards - d.Unknown
	if scored == 0 {
		return nil
	}
	mean := d.sum / float64(scored)
	return &mean
}
