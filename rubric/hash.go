package rubric

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog"
)

// digest returns 12 hex digits over a list of texts, numbers and lists.
func digest(parts ...any) string {
	data, err := json.Marshal(parts)
	if err != nil { // texts and finite numbers only: cannot fail
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:12]
}

// version hashes what the rubric means. Prose does not count, nor do the order
// of the checks and the place of the file.
func (r *Rubric) version() string {
	hashes := make([]string, len(r.Checks))
	for i, c := range r.Checks {
		hashes[i] = c.Hash
	}
	slices.Sort(hashes)
	from := ""
	if !r.EffectiveFrom.IsZero() {
		from = r.EffectiveFrom.Format(time.RFC3339)
	}
	return digest(r.Name, condition(r.AppliesTo), r.Levels, r.Strict, r.PassLevel, r.CoverageFloor, r.Weight, from, r.Draft, hashes)
}

// hash covers the whole meaning of the check.
func (c *Check) hash() string {
	across := Across("")
	if c.Value != nil {
		across = c.Value.Across
	}
	return digest(c.Rubric, c.Name, c.Severity, c.Weight, c.Level, c.LevelRank, condition(c.AppliesTo), c.OnMissing,
		c.Kind, c.facts(), across, identityHashes(c.Identities), condition(c.Catalog),
		c.Objective, c.Period, c.Window, c.Pass, c.Fail, c.Op, c.Interval)
}

// sli covers what is counted or measured. A catalog check measures nothing.
func (c *Check) sli() string {
	if c.Kind == KindCatalog {
		return ""
	}
	return digest(c.Kind, c.facts(), identityHashes(c.Identities))
}

// facts returns what the check's queries depend on, in a normal form.
func (c *Check) facts() []any {
	switch {
	case c.Events != nil:
		bad := []any{matcherTexts(c.Events.Bad)}
		if c.Events.BadOf != nil {
			bad = selectorFacts(*c.Events.BadOf)
		}
		return []any{selectorFacts(c.Events.Total), bad, c.Events.Recorded}
	case c.Histogram != nil:
		return []any{selectorFacts(c.Histogram.Selector), c.Histogram.Threshold}
	case c.Value != nil:
		return []any{c.Value.Expr.String(), c.Window}
	}
	return nil
}

func selectorFacts(s Selector) []any { return []any{s.Metric, matcherTexts(s.Where)} }

func matcherTexts(matchers []*labels.Matcher) []string {
	texts := make([]string, 0, len(matchers))
	for _, m := range matchers {
		texts = append(texts, m.String())
	}
	return texts
}

func identityHashes(identities []*Identity) []string {
	hashes := make([]string, 0, len(identities))
	for _, id := range identities {
		hashes = append(hashes, id.Hash)
	}
	return hashes
}

func condition(c *catalog.Condition) string {
	if c == nil {
		return ""
	}
	return c.Canonical()
}

// usesWindow reports whether $window stands in the query.
func usesWindow(expr parser.Expr) bool {
	return strings.Contains(expr.String(), windowText)
}
