package collector

import (
	"context"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// setDeltas fills in how far each score has moved, from the scores of an
// hour, a day and a week ago.
func setDeltas(ctx context.Context, cards []*scorecard.Scorecard, tick time.Time, scores ScoreHistory) error {
	ages := []time.Duration{time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	for i, age := range ages {
		then, err := scores.ScoresAt(ctx, tick.Add(-age))
		if err != nil {
			return fmt.Errorf("reading the scores of %s ago: %w", age, err)
		}
		for _, card := range cards {
			before, ok := then[card.Key()]
			if !ok || card.Score == nil {
				continue
			}
			delta := *card.Score - before
			switch i {
			case 0:
				card.Delta.Hour = &delta
			case 1:
				card.Delta.Day = &delta
			case 2:
				card.Delta.Week = &delta
			}
		}
	}
	return nil
}
