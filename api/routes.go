package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
)

// route is one line of the table of routes. HEAD comes with every GET.
type route struct {
	method  string
	path    string // in Gin's notation
	handler gin.HandlerFunc
}

func get(path string, h gin.HandlerFunc) route { return route{http.MethodGet, path, h} }

// routes is the table of everything that is answered; openapi.yaml describes
// the same, which a test holds together.
func (s *Server) routes() []route {
	table := []route{
		get("/api/v1/services", s.list(servicesSpec(), func(v *view) *listing.Table { return v.services })),
		get("/api/v1/services/:namespace/:name", s.json(getService)),
		get("/api/v1/services/:namespace/:name/scorecards", s.json(listServiceScorecards, serviceScorecardsSpec().Params()...)),
		get("/api/v1/scorecards", s.json(listScorecards, append(scorecardsSpec().Params(), "format")...)),
		get("/api/v1/scorecards/:rubric/:namespace/:name", s.json(getScorecard)),
		get("/api/v1/rollups", s.json(listRollups, rollupsSpec().Params()...)),
		get("/api/v1/rubrics", s.list(rubricsSpec(), func(v *view) *listing.Table { return v.rubrics })),
		get("/api/v1/rubrics/:rubric", s.json(getRubric)),
		get("/api/v1/sources", s.list(sourcesSpec(), func(v *view) *listing.Table { return v.sources })),
		get("/api/v1/sources/:source", s.json(getSource)),
		get("/openapi.yaml", s.openAPI),
		get("/-/healthy", s.healthy),
		get("/-/ready", s.ready),
		get("/", s.html(s.fleetPage, "by", "q", "live")),
		get("/services/:namespace/:name", s.html(s.servicePage, "live")),
		get("/rubrics", s.html(s.rubricsPage)),
		get("/style.css", s.asset("text/css; charset=utf-8", s.pages.Style())),
		get("/favicon.svg", s.asset("image/svg+xml", s.pages.Icon())),
	}
	if s.history != nil {
		table = append(table, get("/api/v1/scorecards/:rubric/:namespace/:name/history", s.json(s.listHistory, "from", "to", "step")))
	}
	if s.changes != nil {
		table = append(table, get("/api/v1/events", s.events))
	}
	if s.process != nil {
		table = append(table, get("/metrics", gin.WrapH(s.process)))
	}
	if s.cards != nil {
		table = append(table, get("/metrics/scorecards", gin.WrapH(s.cards)))
	}
	if s.reload != nil {
		table = append(table, route{http.MethodPost, "/-/reload", s.reloadNow})
	}
	return table
}
