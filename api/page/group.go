package page

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/apgarhq/apgar/catalog"
)

// Grouping is what services are put together by.
type Grouping string

// The groupings.
const (
	BySystem Grouping = "system"
	ByTier   Grouping = "tier"
	ByOwner  Grouping = "owner"
)

func groupings() []Grouping { return []Grouping{BySystem, ByTier, ByOwner} }

// ParseGrouping reads a grouping; the empty text is BySystem.
func ParseGrouping(text string) (Grouping, bool) {
	if text == "" {
		return BySystem, true
	}
	g := Grouping(text)
	return g, slices.Contains(groupings(), g)
}

func (g Grouping) label() string {
	switch g {
	case ByTier:
		return "tier"
	case ByOwner:
		return "owner"
	default:
		return "system"
	}
}

// of returns the name of the group that a service is in, "" for none.
func (g Grouping) of(s *catalog.Service) string {
	switch g {
	case ByTier:
		if s.Tier == 0 {
			return ""
		}
		return "tier " + strconv.Itoa(s.Tier)
	case ByOwner:
		return s.Owner
	default:
		return s.System
	}
}

// group is one heading of the grid with its cells.
type group struct {
	Name  string
	Cells []cell
	// Poor counts the cells graded D or F.
	Poor int
	// Span lets a small group share a row of tiles with others: s1 to s3 for
	// as many cells, or "".
	Span string
}

// groups puts standings under headings, in order of their names; what is in no
// group comes last. Within a group the order of ids stands, so that a service
// keeps its place while its score moves.
func (r *Renderer) groups(standings []standing, by Grouping) []group {
	at := map[string]int{}
	var groups []group
	for _, s := range standings {
		name := by.of(s.service)
		i, ok := at[name]
		if !ok {
			i = len(groups)
			at[name] = i
			groups = append(groups, group{Name: name})
		}
		c := r.cell(s)
		if c.Class == "d" || c.Class == "f" {
			groups[i].Poor++
		}
		groups[i].Cells = append(groups[i].Cells, c)
	}
	slices.SortFunc(groups, func(a, b group) int {
		if (a.Name == "") != (b.Name == "") {
			return cmp.Compare(len(b.Name), len(a.Name))
		}
		return cmp.Compare(a.Name, b.Name)
	})
	for i := range groups {
		if n := len(groups[i].Cells); n <= 3 {
			groups[i].Span = "s" + strconv.Itoa(n)
		}
		if groups[i].Name == "" {
			groups[i].Name = "no " + by.label()
		}
	}
	return groups
}
