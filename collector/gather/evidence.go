package gather

import "net/url"

// Evidence returns a link to the events, buckets or values of one service that
// a question is about, or "" where the source has no place to show them or the
// service has no identity there. Question and service are places in the plan.
func (g *Gatherer) Evidence(source string, question, service int) string {
	for _, a := range g.askers {
		if a.Name == source {
			return a.evidence(question, service)
		}
	}
	return ""
}

func (a *asker) evidence(question, service int) string {
	expr, ok := a.plan.Shown(a.dialect(), question, service)
	if !ok || a.GraphURL == "" {
		return ""
	}
	return graphLink(a.GraphURL, expr)
}

// graphLink leads to an expression at a source. What is secret in a base (a
// password, a token) never gets into it.
func graphLink(base, expr string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	u = u.JoinPath("graph")
	u.User, u.Fragment = nil, ""
	u.RawQuery = "g0.expr=" + url.QueryEscape(expr) + "&g0.tab=0&g0.range_input=1h"
	return u.String()
}
