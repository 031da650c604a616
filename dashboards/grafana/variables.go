package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/apgarhq/apgar/exporter"
)

// The variables of the dashboards.
const (
	varDatasource = "datasource"
	varRubric     = "rubric"
	varOwner      = "owner"
	varSystem     = "system"
	varTier       = "tier"
	varLifecycle  = "lifecycle"
	varSearch     = "search"
	varApgarURL   = "apgar_url"
)

// everything is what a variable of which all values are chosen stands for. It
// matches the empty value, too, which no list of values has: a service without
// an owner must not vanish while nothing is chosen.
const everything = ".*"

// variables returns those of a dashboard over the fleet, in the order shown.
func variables() []dashboard.VariableModel {
	return []dashboard.VariableModel{
		{
			Type: dashboard.VariableTypeDatasource, Name: varDatasource, Label: new("Data source"),
			Description: new("The Prometheus that scrapes Apgar."),
			Query:       text("prometheus"), Refresh: new(dashboard.VariableRefreshOnDashboardLoad),
		},
		rubricVariable(),
		infoVariable(varOwner, "Owner", exporter.LabelOwner, ""),
		infoVariable(varSystem, "System", exporter.LabelSystem, matchVariable(exporter.LabelOwner, varOwner)),
		infoVariable(varTier, "Tier", exporter.LabelTier, ""),
		infoVariable(varLifecycle, "Lifecycle", exporter.LabelLifecycle, ""),
		textVariable(varSearch, "Service", "", "A part of a service's name, or a regular expression; empty means every service."),
		textVariable(varApgarURL, "Apgar", "http://localhost:8484", "Where your browser reaches Apgar: links lead there."),
	}
}

// rubricVariable offers the rubrics that grade anything, whether or not they
// have come to a score.
func rubricVariable() dashboard.VariableModel {
	v := queryVariable(varRubric, "Rubric", exporter.DataTimestamp, exporter.LabelRubric)
	v.Description = new("Scores of different rubrics are not comparable, so one is shown at a time.")
	v.Multi, v.IncludeAll = new(false), new(false)
	return v
}

// infoVariable chooses among the values that a label of the catalog has.
func infoVariable(name, label, of, matchers string) dashboard.VariableModel {
	metric := exporter.ServiceInfo
	if matchers != "" {
		metric += "{" + matchers + "}"
	}
	v := queryVariable(name, label, metric, of)
	v.Multi, v.IncludeAll, v.AllValue = new(true), new(true), new(everything)
	v.Current = &dashboard.VariableOption{
		Selected: new(true),
		Text:     dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
		Value:    dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
	}
	return v
}

// queryVariable has the values of a label. The query is written as Grafana's
// own editor writes it.
func queryVariable(name, label, metric, of string) dashboard.VariableModel {
	const labelValues = 1 // of the editor's kinds of query
	query := fmt.Sprintf("label_values(%s,%s)", metric, of)
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: name, Label: &label, Datasource: source(), Definition: &query,
		Query: &dashboard.StringOrMap{Map: map[string]any{
			"qryType": labelValues, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery",
		}},
		Refresh: new(dashboard.VariableRefreshOnTimeRangeChanged),
		Sort:    new(dashboard.VariableSortNaturalAsc),
	}
}

// textVariable is typed in.
func textVariable(name, label, value, description string) dashboard.VariableModel {
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeTextbox, Name: name, Label: &label, Description: &description, Query: text(value),
		Current: &dashboard.VariableOption{
			Text: dashboard.StringOrArrayOfString{String: &value}, Value: dashboard.StringOrArrayOfString{String: &value},
		},
	}
}

func text(s string) *dashboard.StringOrMap { return &dashboard.StringOrMap{String: &s} }
