// Package viewer does with a dashboard what Grafana does when somebody looks
// at it: it finds the values of the variables, fills them into the queries,
// and sends those to a Prometheus. So a test can see what a user would see.
//
// It reads a dashboard's file with types of its own and knows nothing of how
// the file came about.
package viewer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Dashboard is what a dashboard's file says, as far as queries are concerned.
type Dashboard struct {
	UID       string
	Title     string
	Variables []Variable
	Rows      []Row
}

// Row is a heading and the panels under it; panels above the first heading are
// in a row without a title.
type Row struct {
	Title     string
	ID        int
	Position  Position
	Collapsed bool
	Panels    []Panel
}

// Panel is one panel.
type Panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Position    Position   `json:"gridPos"`
	Datasource  Datasource `json:"datasource"`
	Targets     []Target   `json:"targets"`
	FieldConfig Fields     `json:"fieldConfig"`
	Steps       []Step     `json:"transformations"`
}

// Target is one query of a panel.
type Target struct {
	RefID      string     `json:"refId"`
	Expr       string     `json:"expr"`
	Legend     string     `json:"legendFormat"`
	Format     string     `json:"format"`
	Instant    bool       `json:"instant"`
	Range      bool       `json:"range"`
	Datasource Datasource `json:"datasource"`
}

// Position is a place on the grid, which is 24 columns wide.
type Position struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// Datasource names a data source.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Fields are how values are shown.
type Fields struct {
	Defaults struct {
		Unit    string `json:"unit"`
		NoValue string `json:"noValue"`
	} `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Override changes how one field is shown.
type Override struct {
	Matcher struct {
		ID      string `json:"id"`
		Options any    `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string          `json:"id"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

// Step is one transformation of the answers.
type Step struct {
	ID      string          `json:"id"`
	Options json.RawMessage `json:"options"`
}

// Variable is one variable of a dashboard.
type Variable struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Label      string     `json:"label"`
	Query      Query      `json:"query"`
	Datasource Datasource `json:"datasource"`
	Multi      bool       `json:"multi"`
	IncludeAll bool       `json:"includeAll"`
	AllValue   string     `json:"allValue"`
}

// Query is a text, or an object that holds it.
type Query string

// UnmarshalJSON reads both forms.
func (q *Query) UnmarshalJSON(data []byte) error {
	var object struct{ Query string }
	if json.Unmarshal(data, &object) == nil {
		*q = Query(object.Query)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("reading the query of a variable: %w", err)
	}
	*q = Query(text)
	return nil
}

// Read reads a dashboard in Grafana's classic JSON model.
func Read(data []byte) (*Dashboard, error) {
	var file struct {
		UID        string
		Title      string
		Panels     []json.RawMessage
		Templating struct{ List []Variable }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("reading a dashboard: %w", err)
	}
	if len(file.Panels) == 0 {
		return nil, errors.New("reading a dashboard: it has no panels; is it in the classic JSON model?")
	}
	d := &Dashboard{UID: file.UID, Title: file.Title, Variables: file.Templating.List}
	for _, data := range file.Panels {
		if err := d.read(data); err != nil {
			return nil, fmt.Errorf("reading the dashboard %s: %w", d.Title, err)
		}
	}
	return d, nil
}

// read reads a panel, which may be a heading; a closed one holds its panels.
func (d *Dashboard) read(data []byte) error {
	var p struct {
		Panel
		Collapsed bool
		Panels    []Panel
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return fmt.Errorf("reading a panel: %w", err)
	}
	if p.Type == "row" {
		d.Rows = append(d.Rows, Row{Title: p.Title, ID: p.ID, Position: p.Position, Collapsed: p.Collapsed, Panels: p.Panels})
		return nil
	}
	if len(d.Rows) == 0 {
		d.Rows = append(d.Rows, Row{})
	}
	last := &d.Rows[len(d.Rows)-1]
	last.Panels = append(last.Panels, p.Panel)
	return nil
}

// Panels returns all panels, those of closed rows included.
func (d *Dashboard) Panels() []Panel {
	var all []Panel
	for _, r := range d.Rows {
		all = append(all, r.Panels...)
	}
	return all
}

// Variable returns the variable of a name.
func (d *Dashboard) Variable(name string) (Variable, bool) {
	for _, v := range d.Variables {
		if v.Name == name {
			return v, true
		}
	}
	return Variable{}, false
}
