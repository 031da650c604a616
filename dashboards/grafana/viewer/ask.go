package viewer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Viewer looks at one dashboard with one Prometheus as its data source.
type Viewer struct {
	Dashboard *Dashboard
	// URL is that of the data source, without a trailing slash.
	URL string
	// Client sends the queries; it should have a timeout.
	Client *http.Client
	// Window is what is looked at.
	Window Window
}

// Series is one series of an answer. Of an instant query it has one value.
type Series struct {
	Labels map[string]string
	Values []float64 // by time; never empty
}

// Open returns the choices that Grafana makes when a dashboard is opened:
// everything where a variable offers that, else the first value, or what is
// written in a text box. Variables are resolved in their order, as later ones
// may depend on earlier ones.
func (v *Viewer) Open(ctx context.Context) (Choices, error) {
	chosen := Choices{}
	for _, variable := range v.Dashboard.Variables {
		if variable.Type != "query" {
			chosen[variable.Name] = Choice{Values: []string{string(variable.Query)}}
			continue
		}
		offered, err := v.offered(ctx, variable, chosen)
		if err != nil {
			return nil, fmt.Errorf("resolving the variable %s: %w", variable.Name, err)
		}
		choice := Choice{All: variable.IncludeAll, Offered: offered}
		if !choice.All && len(offered) > 0 {
			choice.Values = offered[:1]
		}
		chosen[variable.Name] = choice
	}
	return chosen, nil
}

// offered asks for the values of a variable.
func (v *Viewer) offered(ctx context.Context, variable Variable, chosen Choices) ([]string, error) {
	query, err := v.Dashboard.Fill(string(variable.Query), chosen, v.Window)
	if err != nil {
		return nil, err
	}
	m := regexp.MustCompile(`^label_values\((.+),\s*(\w+)\s*\)$`).FindStringSubmatch(query)
	if m == nil {
		return nil, fmt.Errorf("the viewer only knows label_values(metric, label), not %s", query)
	}
	var values []string
	err = v.get(ctx, "/api/v1/label/"+url.PathEscape(m[2])+"/values", url.Values{
		"match[]": {strings.TrimSpace(m[1])}, "start": {unix(v.Window.From)}, "end": {unix(v.Window.To)},
	}, &values)
	return values, err
}

// Ask sends a query of a panel and returns the answer.
func (v *Viewer) Ask(ctx context.Context, t Target, chosen Choices) ([]Series, error) {
	expr, err := v.Dashboard.Fill(t.Expr, chosen, v.Window)
	if err != nil {
		return nil, err
	}
	return v.Query(ctx, expr, t.Instant)
}

// Query sends an expression that is filled in already, for the end of the
// window, or for all of it.
func (v *Viewer) Query(ctx context.Context, expr string, instant bool) ([]Series, error) {
	path, form := "/api/v1/query", url.Values{"query": {expr}, "time": {unix(v.Window.To)}}
	if !instant {
		step := v.Window.Interval()
		path = "/api/v1/query_range"
		form = url.Values{
			"query": {expr}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
			"start": {unix(v.Window.From.Truncate(step))}, "end": {unix(v.Window.To.Truncate(step))},
		}
	}
	var answer struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := v.post(ctx, path, form, &answer); err != nil {
		return nil, fmt.Errorf("asking for %s: %w", expr, err)
	}
	series, err := decode(answer.ResultType, answer.Result)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s: %w", expr, err)
	}
	return series, nil
}

// point is a time and a value, as Prometheus writes them.
type point [2]any

func (p point) value() (float64, error) {
	text, ok := p[1].(string)
	if !ok {
		return 0, fmt.Errorf("the value %v is no text", p[1])
	}
	return strconv.ParseFloat(text, 64)
}

func decode(kind string, result json.RawMessage) ([]Series, error) {
	var list []struct {
		Metric map[string]string
		Value  *point
		Values []point
	}
	switch kind {
	case "vector", "matrix":
		if err := json.Unmarshal(result, &list); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("a panel shows vectors and matrices, and this is a %s", kind)
	}
	series := make([]Series, 0, len(list))
	for _, one := range list {
		points := one.Values
		if one.Value != nil {
			points = []point{*one.Value}
		}
		s := Series{Labels: one.Metric}
		for _, p := range points {
			value, err := p.value()
			if err != nil {
				return nil, err
			}
			s.Values = append(s.Values, value)
		}
		series = append(series, s)
	}
	return series, nil
}

func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

func (v *Viewer) get(ctx context.Context, path string, query url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.URL+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	return v.send(request, into)
}

// post is how Grafana sends queries, which may be longer than a URL can be.
func (v *Viewer) post(ctx context.Context, path string, form url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(request, into)
}

// send reads the data of an answer. Warnings are errors: Grafana shows them on
// the panel. So are notes.
func (v *Viewer) send(request *http.Request, into any) error {
	response, err := v.Client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it has only been read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Status, Error   string
		Data            json.RawMessage
		Warnings, Infos []string
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("%s answered with status %d and no JSON: %w", request.URL.Path, response.StatusCode, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("status %d: %s", response.StatusCode, answer.Error)
	}
	if notes := slices.Concat(answer.Warnings, answer.Infos); len(notes) > 0 {
		return errors.New("answered with notes: " + strings.Join(notes, "; "))
	}
	return json.Unmarshal(answer.Data, into)
}
