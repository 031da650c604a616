package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// FleetOptions say how the fleet is shown.
type FleetOptions struct {
	By   Grouping
	Text string // only services whose id, title, owner or system contains it; "" for all
}

// fleet is the front page.
type fleet struct {
	frame
	Services  int
	Blind     int // services with an unknown scorecard, whoever speaks for them
	Shown     int
	Density   string
	Groups    []group
	Bar       []share
	Sources   sources
	Attention []concern
	Unknowns  []concern
	More      int // unknown services beyond Unknowns
	By        Grouping
	Choices   []choice
	Text      string
}

type choice struct {
	Name, Label string
	Here        bool
}

// cell is one service in the grid.
type cell struct {
	Href, Class, Letter, Title, Name, Score string
	// Blind marks that another scorecard than the one shown is unknown.
	Blind bool
}

// Fleet renders the front page.
func (r *Renderer) Fleet(m Moment, o FleetOptions) ([]byte, error) {
	standings := standingsOf(m.Snapshot)
	f := fleet{
		frame:    r.frame("Fleet", "fleet", m),
		Services: len(standings), By: o.By, Text: o.Text,
		Blind: blind(standings), Bar: shares(standings), Sources: sourcesOf(m.Snapshot.Sources),
	}
	for _, g := range groupings() {
		f.Choices = append(f.Choices, choice{Name: string(g), Label: g.label(), Here: g == o.By})
	}
	f.Attention, f.Unknowns, f.More = r.concerns(standings)
	if o.Text != "" {
		needle := strings.ToLower(o.Text)
		standings = slices.DeleteFunc(standings, func(s standing) bool { return !strings.Contains(s.haystack(), needle) })
	}
	f.Shown, f.Density = len(standings), density(len(standings))
	f.Groups = r.groups(standings, o.By)
	return r.render("fleet.html", f)
}

// density says how large a cell can be for n of them to fit on a screen.
func density(n int) string {
	switch {
	case n <= 36:
		return "tiles roomy"
	case n <= 130:
		return "tiles"
	case n <= 600:
		return "large"
	case n <= 1800:
		return "medium"
	case n <= 3200:
		return "small-cells"
	default:
		return "dense"
	}
}

// standing is a service with the scorecard that speaks for it: the worst that
// is known, else one that is unknown, else one that is not scored. Scorecards
// of drafts count nowhere and are none of them; the overall one, which holds
// the last score of what is unknown, only sums up the others.
type standing struct {
	service *catalog.Service
	cards   []*scorecard.Scorecard
	speaker *scorecard.Scorecard // nil: there is no scorecard
	unknown bool                 // a scorecard is unknown, be it the speaker or not
}

func (s standing) haystack() string {
	return strings.ToLower(s.service.ID.String() + " " + s.service.Title + " " + s.service.Owner + " " + s.service.System)
}

// standingsOf returns every service of the snapshot, in order of id.
func standingsOf(snap *scorecard.Snapshot) []standing {
	cards := map[catalog.ID][]*scorecard.Scorecard{}
	for _, c := range snap.Scorecards {
		if c != nil && c.Service != nil && !c.Draft && c.Rubric != scorecard.Overall {
			cards[c.Service.ID] = append(cards[c.Service.ID], c)
		}
	}
	if snap.Catalog == nil {
		return nil
	}
	list := make([]standing, 0, snap.Catalog.Len())
	for _, s := range snap.Catalog.Services() {
		own := cards[s.ID]
		list = append(list, standing{service: s, cards: own, speaker: speakerOf(own), unknown: slices.ContainsFunc(own, isUnknown)})
	}
	slices.SortFunc(list, func(a, b standing) int { return a.service.ID.Compare(b.service.ID) })
	return list
}

func isUnknown(c *scorecard.Scorecard) bool { return c.Status == scorecard.Unknown }

// blind counts the services with an unknown scorecard.
func blind(standings []standing) int {
	n := 0
	for _, s := range standings {
		if s.unknown {
			n++
		}
	}
	return n
}

func speakerOf(cards []*scorecard.Scorecard) *scorecard.Scorecard {
	if len(cards) == 0 {
		return nil
	}
	return slices.MinFunc(cards, func(a, b *scorecard.Scorecard) int {
		if c := cmp.Compare(loudness(a), loudness(b)); c != 0 || a.Score == nil || b.Score == nil {
			return c
		}
		return cmp.Compare(*a.Score, *b.Score)
	})
}

// loudness orders scorecards by how much they have to say, the least first.
func loudness(c *scorecard.Scorecard) int {
	switch {
	case c.Score != nil:
		return 0
	case c.Status == scorecard.Unknown:
		return 1
	default:
		return 2
	}
}

func (r *Renderer) cell(s standing) cell {
	c := cell{Href: r.serviceHref(s.service.ID), Name: shortName(s.service.ID)}
	if s.speaker == nil {
		c.Class, c.Letter, c.Score = "n", "·", "–"
		c.Title = c.Name + ": no scorecard"
		return c
	}
	c.Class, c.Letter = mark(s.speaker)
	c.Blind = s.unknown && !isUnknown(s.speaker)
	c.Score = scoreText(s.speaker.Score)
	c.Title = c.Name + ": " + verdictText(s.speaker)
	for _, other := range s.cards {
		if other != s.speaker {
			c.Title += ", " + verdictText(other)
		}
	}
	return c
}

// serviceHref returns the path of a service's page. Ids hold nothing that a
// path would need to escape; html/template escapes all the same.
func (r *Renderer) serviceHref(id catalog.ID) string {
	return r.site.Base + "/services/" + id.Namespace + "/" + id.Name
}

// shortName leaves the default namespace out.
func shortName(id catalog.ID) string {
	if id.Namespace == "default" {
		return id.Name
	}
	return id.String()
}
