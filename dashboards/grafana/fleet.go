package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Fleet is the dashboard that a lead opens in the morning: how healthy the
// services are, where to start, and whether Apgar itself can be trusted.
func Fleet() (*Board, error) {
	d := dashboard.NewDashboard()
	d.Uid, d.Title = new("apgar-fleet"), new("Apgar / Fleet")
	d.Description = new("How healthy the services are, which to look at first, and who answers for them. Generated: save changes under another name.")
	d.Tags = []string{"apgar"}
	d.Editable = new(false)
	d.GraphTooltip = new(dashboard.DashboardCursorSyncTooltip)
	d.Time = &dashboard.DashboardDashboardTime{From: "now-6h", To: "now"}
	d.Refresh = new("1m")
	d.Templating.List = variables()
	d.Annotations.List = []dashboard.AnnotationQuery{}
	d.Links = []dashboard.DashboardLink{link("Apgar", "The fleet as Apgar's own page shows it", "/")}

	b := &Board{File: "fleet.json", Dashboard: *d}
	if err := b.add(nowRow(), spreadRow(), servicesRow(), checksRow(), groupsRow(), apgarRow()); err != nil {
		return nil, fmt.Errorf("generating the dashboard %s: %w", *d.Title, err)
	}
	if err := b.Dashboard.Validate(); err != nil {
		return nil, fmt.Errorf("generating the dashboard %s: %w", *d.Title, err)
	}
	return b, nil
}

// link leads to a page of Apgar.
func link(title, tooltip, path string) dashboard.DashboardLink {
	return dashboard.DashboardLink{
		Title: title, Tooltip: tooltip, Type: dashboard.DashboardLinkTypeLink, Icon: "external link",
		Url: new("${" + varApgarURL + ":raw}" + path), Tags: []string{}, TargetBlank: true,
	}
}
