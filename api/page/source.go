package page

import (
	"fmt"
	"slices"

	"github.com/apgarhq/apgar/scorecard"
)

// sources is the state of the sources: chips for the first of them, those in
// trouble before the others, and a count of the rest.
type sources struct {
	Total, OK int
	Chips     []chip
	More      int
}

type chip struct {
	Name, State, Class, Title string
}

const maxChips = 6

func sourcesOf(list []scorecard.SourceStatus) sources {
	s := sources{Total: len(list)}
	ordered := slices.Clone(list)
	slices.SortStableFunc(ordered, func(a, b scorecard.SourceStatus) int { return trouble(b) - trouble(a) })
	for i := range ordered {
		if trouble(ordered[i]) == 0 {
			s.OK++
		}
		if len(s.Chips) < maxChips {
			s.Chips = append(s.Chips, chipOf(&ordered[i]))
		}
	}
	s.More = s.Total - len(s.Chips)
	return s
}

func chipOf(s *scorecard.SourceStatus) chip {
	c := chip{Name: s.Name, State: s.State, Class: "ok"}
	if trouble(*s) > 0 {
		c.Class = "bad"
	}
	c.Title = fmt.Sprintf("%d queries in %s, %d failed; last success %s", s.Queries, s.Duration.Round(1e6), s.Failed, clock(s.LastSuccess))
	if s.LastError != "" {
		c.Title += "; last error: " + s.LastError
	}
	return c
}

// trouble is 0 for a source that answers.
func trouble(s scorecard.SourceStatus) int {
	if s.State == "ok" {
		return 0
	}
	return 1
}
