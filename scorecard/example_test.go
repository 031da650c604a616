package scorecard_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/scorecard"
)

func showWorked(out io.Writer) {
	card := cardOf(0.8, worked(0.2)...)
	fmt.Fprintf(out, "%.1f %s\n", *card.Score, card.Grade)
	for _, r := range card.Results {
		fmt.Fprintf(out, "%s loses %.1f points\n", r.Check, *r.PointsLost)
	}
}

// showLost has the first check's series vanish, at two coverage floors.
func showLost(out io.Writer) {
	for _, floor := range []float64{0.8, 0.5} {
		card := lost(floor, 16*time.Minute, worked(0.2), worked(-1))
		fmt.Fprintf(out, "floor %.1f: coverage %.3f, %s", floor, card.Coverage, card.Status)
		if card.Score != nil {
			fmt.Fprintf(out, ", score %s", scorecard.RoundScore(*card.Score))
		}
		fmt.Fprintf(out, ", from %s to %s\n", scorecard.RoundScore(*card.ScoreLow), scorecard.RoundScore(*card.ScoreHigh))
	}
	// The same, were the first check not critical: what the cap hides.
	plain, gone := worked(0.2), worked(-1)
	plain[0].critical, gone[0].critical = false, false
	fmt.Fprintf(out, "before the cap from %s\n", scorecard.RoundScore(*lost(0.5, 16*time.Minute, plain, gone).ScoreLow))
}

// ExampleGrade is the worked example of the grading specification: weights
// 10, 7.5, 5, 5 and 2.5 with credits 0.2, 0.9, 1, 1 and 1.
func ExampleGrade() {
	showWorked(os.Stdout)
	// Output:
	// 70.8 C
	// a loses 26.7 points
	// b loses 2.5 points
	// c loses 0.0 points
	// d loses 0.0 points
	// e loses 0.0 points
}

// ExampleGrade_lostData is how the worked example goes on: the series of the
// first check vanish for longer than the grace. At the usual floor there is no
// score; at a floor of 0.5 it stays where it was.
func ExampleGrade_lostData() {
	showLost(os.Stdout)
	// Output:
	// floor 0.8: coverage 0.667, unknown, from 59.0 to 97.5
	// floor 0.5: coverage 0.667, scored, score 70.8, from 59.0 to 97.5
	// before the cap from 64.2
}

// TestShowTheWorkedExample prints what the examples compare, for who runs the tests
// with -v.
func TestShowTheWorkedExample(t *testing.T) {
	var b strings.Builder
	showWorked(&b)
	showLost(&b)
	t.Log("weights 10, 7.5, 5, 5, 2.5 with credits 0.2, 0.9, 1, 1, 1; then the first check's series vanish:\n" + b.String())
	require.Contains(t, b.String(), "70.8 C\n")
}
