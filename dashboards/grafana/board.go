package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Board is a dashboard and what is known of it. It is not changed once made.
type Board struct {
	// File is the name of the file that holds it.
	File string
	// Dashboard is what that file says.
	Dashboard dashboard.Dashboard
	// MayBeEmpty are the queries whose answer is rightly empty at times.
	MayBeEmpty []Excuse
}

// Excuse says when a query may have no answer.
type Excuse struct {
	Panel  string // its title
	RefID  string // of the query
	Reason string
	// Unless is a query, with variables: only while it has no answer may the
	// other have none.
	Unless string
}

// JSON returns the file's content.
func (b *Board) JSON() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // so that people can read the queries
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(b.Dashboard); err != nil {
		return nil, fmt.Errorf("encoding the dashboard %s: %w", b.File, err)
	}
	return text.Bytes(), nil
}

// row is a heading and the panels under it.
type row struct {
	title     string
	collapsed bool // its queries are sent when somebody opens it
	panels    []panel
}

// gridWidth is how many columns a dashboard has.
const gridWidth = 24

// add puts rows under what the board has already.
func (b *Board) add(rows ...row) error {
	g := grid{}
	for _, r := range rows {
		g.newLine()
		heading := dashboard.NewRowPanel()
		heading.Id, heading.Title, heading.Collapsed = g.nextID(), new(r.title), r.collapsed
		heading.GridPos = g.place(gridWidth, 1)
		var panels []dashboard.Panel
		for _, p := range r.panels {
			built, err := p.build()
			if err != nil {
				return fmt.Errorf("building the panel %q: %w", p.title, err)
			}
			built.Id, built.GridPos = new(g.nextID()), g.put(p)
			panels = append(panels, built)
			b.excuse(p)
		}
		b.addRow(heading, panels)
	}
	return nil
}

// addRow puts the panels of a collapsed row into it, and others after it.
func (b *Board) addRow(heading *dashboard.RowPanel, panels []dashboard.Panel) {
	list := &b.Dashboard.Panels
	*list = append(*list, dashboard.PanelOrRowPanel{RowPanel: heading})
	if heading.Collapsed {
		heading.Panels = panels
		return
	}
	for i := range panels {
		*list = append(*list, dashboard.PanelOrRowPanel{Panel: &panels[i]})
	}
}

func (b *Board) excuse(p panel) {
	for i, q := range p.queries {
		if q.emptyAs != "" {
			b.MayBeEmpty = append(b.MayBeEmpty, Excuse{Panel: p.title, RefID: refID(i), Reason: q.emptyAs, Unless: q.unless})
		}
	}
}

// grid places panels from left to right, and a line below when one is full.
type grid struct {
	x, y, tallest uint32
	last          dashboard.GridPos
	id            uint32
}

func (g *grid) nextID() uint32 {
	g.id++
	return g.id
}

func (g *grid) newLine() {
	g.x, g.y, g.tallest = 0, g.y+g.tallest, 0
}

// put places a panel beside the one before it, or under it.
func (g *grid) put(p panel) *dashboard.GridPos {
	if !p.under {
		return g.place(p.width, p.height)
	}
	g.last.Y, g.last.H = g.last.Y+g.last.H, p.height
	g.tallest = max(g.tallest, g.last.Y+g.last.H-g.y)
	return &dashboard.GridPos{X: g.last.X, Y: g.last.Y, W: p.width, H: p.height}
}

func (g *grid) place(width, height uint32) *dashboard.GridPos {
	if g.x+width > gridWidth {
		g.newLine()
	}
	at := &dashboard.GridPos{X: g.x, Y: g.y, W: width, H: height}
	g.x += width
	g.tallest = max(g.tallest, height)
	g.last = *at
	return at
}

// source is the data source that is chosen on the dashboard.
func source() *common.DataSourceRef {
	return &common.DataSourceRef{Type: new("prometheus"), Uid: new("${" + varDatasource + "}")}
}
