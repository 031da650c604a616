package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/api/page"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

const contentHTML = "text/html; charset=utf-8"

// html serves a page; params are the query parameters it takes. What goes
// wrong is told as a page too.
func (s *Server) html(render endpoint, params ...string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", page.Policy)
		r, err := s.request(c, params)
		if err != nil {
			s.failPage(c, err)
			return
		}
		tag := etag(r.view.tag, "page", fmt.Sprint(r.stale), c.Request.URL.Path, c.Request.URL.RawQuery)
		c.Header("ETag", tag)
		c.Header("Cache-Control", "no-cache")
		if holds(c.Request.Header.Values("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return
		}
		body, err := render(r)
		if err != nil {
			s.failPage(c, err)
			return
		}
		write(c, http.StatusOK, contentHTML, body)
	}
}

func (s *Server) failPage(c *gin.Context, err error) {
	p := asProblem(err)
	a := s.report(c, p)
	h := c.Writer.Header()
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	body, err := s.pages.Problem(a.title, p.detail, p.code == notReady)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Abort()
	write(c, a.status, contentHTML, body)
}

func moment(r request) (page.Moment, error) {
	live := r.values.Get("live")
	if live != "" && live != "on" && live != "off" {
		return page.Moment{}, &listing.ParamError{Param: "live", Reason: "allowed are on and off"}
	}
	return page.Moment{Snapshot: r.view.snap, Stale: r.stale, Live: live != "off"}, nil
}

// fleetPage renders the front page. Without a search it is rendered once per
// generation.
func (s *Server) fleetPage(r request) ([]byte, error) {
	m, err := moment(r)
	if err != nil {
		return nil, err
	}
	by, ok := page.ParseGrouping(r.values.Get("by"))
	if !ok {
		return nil, &listing.ParamError{Param: "by", Reason: "allowed are system, tier and owner"}
	}
	q, err := listing.Spec{Search: true, Whole: true}.Parse(map[string][]string{"q": r.values["q"]})
	if err != nil {
		return nil, err
	}
	options := page.FleetOptions{By: by, Text: r.values.Get("q")}
	if q.Filter.Text != "" {
		return s.pages.Fleet(m, options)
	}
	key := fmt.Sprintf("%s %t %t", by, m.Live, m.Stale)
	if kept, _ := r.view.pages.Load(key); kept != nil {
		if body, ok := kept.([]byte); ok {
			return body, nil
		}
	}
	body, err := s.pages.Fleet(m, options)
	if err == nil {
		r.view.pages.Store(key, body)
	}
	return body, err
}

func (s *Server) rubricsPage(r request) ([]byte, error) {
	return s.pages.Rubrics(page.Moment{Snapshot: r.view.snap, Stale: r.stale})
}

func (s *Server) servicePage(r request) ([]byte, error) {
	m, err := moment(r)
	if err != nil {
		return nil, err
	}
	id := catalog.ID{Namespace: r.param("namespace"), Name: r.param("name")}
	service, ok := r.view.byID[id]
	if !ok {
		return nil, &problem{code: notFound, detail: fmt.Sprintf("The catalog has no service %s.", id)}
	}
	cards := r.view.byService[id]
	return s.pages.Service(m, page.ServiceData{Service: service, Cards: cards, History: s.lastDay(r, cards)})
}

// lastDay reads the history of a few scorecards within one deadline. What
// cannot be read is left out: a page without its sparklines is a page still.
func (s *Server) lastDay(r request, cards []*scorecard.Scorecard) map[string][]scorecard.HistoryPoint {
	if s.history == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, historyTimeout)
	defer cancel()
	tick := r.view.snap.Tick
	asked := span{from: tick.Add(-historyDefault), to: tick, step: max(5*time.Minute, r.view.snap.Interval)}
	history := make(map[string][]scorecard.HistoryPoint, len(cards))
	for _, c := range cards {
		points, err := s.readHistory(ctx, c.Key(), asked)
		if err != nil {
			s.logger.DebugContext(r.ctx, "a page has no sparkline", "error", err) // whoever follows the store says once that it is away
			continue
		}
		history[c.Rubric] = points
	}
	return history
}
