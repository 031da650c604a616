package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apgarhq/apgar/api/listing"
	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// lastEventID is the parameter for clients that cannot set the header
// Last-Event-ID.
const lastEventID = "last_event_id"

func eventsSpec() listing.Spec {
	return listing.Spec{
		List:   "events",
		Fields: []string{"rubric", "owner", "system", "tier", "lifecycle", "tag", "kind", "service"},
		Search: true, Whole: true,
	}
}

// events answers with the stream of changes, from where the client was or from
// now on, until the client goes or the server stops. Everything that can be
// refused is refused before the stream begins.
func (s *Server) events(c *gin.Context) {
	st, err := s.newStream(c)
	if err != nil {
		s.fail(c, err)
		return
	}
	if c.Request.Method == http.MethodHead {
		st.setHeaders()
		c.Writer.WriteHeaderNow()
		return
	}
	ctx, done, err := s.streams.begin(c.Request.Context())
	if err != nil {
		s.fail(c, err)
		return
	}
	defer done()
	holdLittle(c.Request)
	st.setHeaders()
	err = st.begin()
	c.Set(answeredKey, time.Now())
	if err == nil {
		err = st.follow(ctx)
	}
	s.streamEnded(c, err)
}

// newStream checks what is asked and returns the stream that answers it. It
// keeps nothing of the snapshot, which would live as long as the stream.
func (s *Server) newStream(c *gin.Context) (*stream, error) {
	if !accepts(c.Request.Header.Values("Accept"), "text/event-stream") {
		return nil, &problem{code: notAcceptable, detail: "the Accept header rules out text/event-stream, and nothing else is served here; leave it out"}
	}
	r, err := s.request(c, append(eventsSpec().Params(), lastEventID))
	if err != nil {
		return nil, err
	}
	last := c.GetHeader("Last-Event-ID")
	if last == "" {
		last = r.values.Get(lastEventID)
	}
	r.values.Del(lastEventID)
	filter, err := parseEventFilter(r.values)
	if err != nil {
		return nil, err
	}
	st := &stream{
		server: s, filter: filter, generation: r.view.snap.Generation, out: newEventWriter(c.Writer, s.streams.options.WriteTimeout),
	}
	st.start(r.view.snap, last)
	return st, nil
}

// eventFilter says which changes a client is told of.
type eventFilter struct {
	all   bool           // every change passes
	known listing.Filter // for changes of services of the catalog
	// gone is for services that have left the catalog, of which nobody can tell
	// any more whose they were: rather one change too many than one missed.
	gone listing.Filter
}

func parseEventFilter(values url.Values) (eventFilter, error) {
	q, err := eventsSpec().Parse(values)
	if err != nil {
		return eventFilter{}, err
	}
	f := eventFilter{known: q.Filter, gone: listing.Filter{Fields: map[string][]string{}}}
	f.all = len(f.known.Fields) == 0 && f.known.Text == ""
	for _, service := range f.known.Fields["service"] {
		namespace, name, _ := strings.Cut(service, "/")
		if checkID("service", namespace) != nil || checkID("service", name) != nil {
			return f, &listing.ParamError{Param: "service", Reason: "it is no service; allowed is namespace/name, like default/playlist"}
		}
	}
	for _, name := range []string{"rubric", "kind", "service"} {
		if values, ok := f.known.Fields[name]; ok {
			f.gone.Fields[name] = values
		}
	}
	return f, nil
}

// passes reports whether the client is told of a change of the service, nil
// for one that the catalog does not have.
func (f eventFilter) passes(c *scorecard.Change, s *catalog.Service) bool {
	if f.all {
		return true
	}
	row := listing.Row{Fields: []listing.Field{
		{Name: "rubric", Value: c.Key.Rubric},
		{Name: "kind", Value: string(c.Kind)},
		{Name: "service", Value: c.Key.Service.String()},
	}}
	if s == nil {
		return f.gone.Passes(&row)
	}
	row.Fields = append(row.Fields, serviceFields(s)...)
	if f.known.Text != "" {
		row.Text = searchText(s)
	}
	return f.known.Passes(&row)
}
