package wire

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// Service encodes a service with a summary of its scorecards, which are in
// order of rubric. Annotations are not published: they are configuration and
// may name things that are nobody else's business.
func Service(s *catalog.Service, cards []*scorecard.Scorecard) (*Body, error) {
	w := writer{buf: make([]byte, 0, 768)}
	w.open('{')
	w.text("id", s.ID.String())
	w.text("namespace", s.ID.Namespace)
	w.text("name", s.ID.Name)
	w.text("title", s.Title)
	w.text("description", s.Description)
	w.text("owner", s.Owner)
	w.text("system", s.System)
	w.text("domain", s.Domain)
	w.tier(s.Tier)
	w.text("lifecycle", s.Lifecycle)
	w.text("type", s.Type)
	w.texts("tags", s.Tags)
	w.textMap("labels", s.Labels)
	w.textMap("links", s.Links)
	w.key("relations")
	w.open('[')
	for _, r := range s.Relations {
		w.next()
		w.open('{')
		w.text("type", r.Type)
		w.text("target", r.Target)
		w.close('}')
	}
	w.close(']')
	stale := w.markStale()
	w.key("scorecards")
	w.open('[')
	for _, c := range cards {
		w.next()
		w.summary(c)
	}
	w.close(']')
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the service %s: %w", s.ID, w.err)
	}
	return &Body{json: w.buf, stale: stale}, nil
}

func (w *writer) summary(c *scorecard.Scorecard) {
	w.open('{')
	w.text("rubric", c.Rubric)
	w.text("status", string(c.Status))
	w.score("score", c.Score)
	w.textOrNull("grade", c.Grade)
	w.textOrNull("level", c.Level)
	w.close('}')
}

// textMap writes a map in order of its keys.
func (w *writer) textMap(name string, m map[string]string) {
	w.key(name)
	w.open('{')
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.next()
		w.quote(k)
		w.open(':')
		w.quote(m[k])
	}
	w.close('}')
}

// Verdict encodes what a gate asks of a scorecard: pass, score, grade, level
// and status.
func Verdict(c *scorecard.Scorecard) (*Body, error) {
	w := writer{buf: make([]byte, 0, 128)}
	w.open('{')
	w.boolOrNull("pass", c.Pass)
	w.score("score", c.Score)
	w.textOrNull("grade", c.Grade)
	w.textOrNull("level", c.Level)
	w.text("status", string(c.Status))
	stale := w.markStale()
	w.close('}')
	if w.err != nil {
		return nil, fmt.Errorf("encode the verdict on a scorecard of rubric %q: %w", c.Rubric, w.err)
	}
	return &Body{json: w.buf, stale: stale}, nil
}
