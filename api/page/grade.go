package page

import (
	"strings"

	"github.com/apgarhq/apgar/scorecard"
)

// mark returns the class and the letter that stand for a scorecard. The letter
// says what the colour says, for those who cannot tell the colours apart.
func mark(c *scorecard.Scorecard) (class, letter string) {
	switch {
	case len(c.Grade) == 1 && c.Grade >= "A" && c.Grade <= "F":
		return strings.ToLower(c.Grade), c.Grade
	case c.Status == scorecard.Unknown:
		return "u", "?"
	default:
		return "n", "–"
	}
}

// verdictText says a scorecard in a few words: "59.0 F (http)".
func verdictText(c *scorecard.Scorecard) string {
	switch {
	case c.Score != nil:
		return scoreText(c.Score) + " " + c.Grade + " (" + c.Rubric + ")"
	case c.Status == scorecard.Unknown:
		return "unknown (" + c.Rubric + ")"
	default:
		return "not scored (" + c.Rubric + ")"
	}
}

// scoreText prints a score, and a dash for none.
func scoreText(score *float64) string {
	if score == nil {
		return "–"
	}
	if text := scorecard.RoundScore(*score); text != "null" {
		return text
	}
	return "–"
}

// share is one part of the bar over the whole fleet.
type share struct {
	Class, Letter, Meaning string
	Count                  int
	X, Width               float64 // of 1000
}

// shares counts the fleet by grade, best first.
func shares(standings []standing) []share {
	list := []share{
		{Class: "a", Letter: "A", Meaning: "90 and more"},
		{Class: "b", Letter: "B", Meaning: "80 to 90"},
		{Class: "c", Letter: "C", Meaning: "70 to 80"},
		{Class: "d", Letter: "D", Meaning: "60 to 70"},
		{Class: "f", Letter: "F", Meaning: "below 60"},
		{Class: "u", Letter: "?", Meaning: "unknown: too little data to say"},
		{Class: "n", Letter: "–", Meaning: "not scored: no check applies"},
	}
	for _, s := range standings {
		class := "n"
		if s.speaker != nil {
			class, _ = mark(s.speaker)
		}
		for i := range list {
			if list[i].Class == class {
				list[i].Count++
			}
		}
	}
	x := 0.0
	for i := range list {
		list[i].X = x
		list[i].Width = 1000 * float64(list[i].Count) / float64(max(1, len(standings)))
		x += list[i].Width
	}
	return list
}
