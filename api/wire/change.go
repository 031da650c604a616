package wire

import (
	"fmt"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// Change encodes a change with the service that it is about, on one line. A
// nil service is one that the catalog no longer has; then only its id is
// told. It fails when a score is not finite.
func Change(c *scorecard.Change, s *catalog.Service) (*Body, error) {
	if s == nil {
		s = &catalog.Service{ID: c.Key.Service}
	}
	w := writer{buf: make([]byte, 0, 640)}
	w.open('{')
	w.int("id", int64(c.ID))
	w.int("generation", int64(c.Generation))
	w.time("time", c.Time)
	w.text("kind", string(c.Kind))
	w.text("rubric", c.Key.Rubric)
	w.key("service")
	w.subject(s)
	w.text("environment", c.Environment)
	w.textOrNull("check", c.Check)
	w.textOrNull("from", c.From)
	w.textOrNull("to", c.To)
	w.score("from_score", c.FromScore)
	w.score("to_score", c.ToScore)
	w.textOrNull("reason", c.Reason)
	w.textOrNull("message", c.Message)
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode change %d of %s by rubric %q: %w", c.ID, c.Key.Service, c.Key.Rubric, w.err)
	}
	return &Body{json: w.buf}, nil
}
