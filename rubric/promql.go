package rubric

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/catalog/strict"
)

// What an author's PromQL may be. The parser takes minutes for hostile input
// of some 100 KiB, so that these limits are held before it sees anything.
const (
	maxQueryBytes     = 8 << 10
	maxQueryDepth     = 64
	maxQueryOperators = 256
	maxQueryRange     = 35 * 24 * time.Hour
	minSubqueryStep   = 15 * time.Second
)

var (
	metricPattern = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	labelPattern  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// checkSize holds a PromQL text against the limits by looking at its tokens,
// which takes linear time.
func checkSize(text string) error {
	if len(text) > maxQueryBytes {
		return fmt.Errorf("it has %d bytes, but at most %d are allowed: record a part of it as a rule", len(text), maxQueryBytes)
	}
	depth, operators := 0, 0
	var item parser.Item
	for lexer := parser.Lex(text); ; {
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.EOF, parser.ERROR: // the parser explains errors
			return nil
		case parser.LEFT_PAREN, parser.LEFT_BRACE, parser.LEFT_BRACKET:
			depth++
		case parser.RIGHT_PAREN, parser.RIGHT_BRACE, parser.RIGHT_BRACKET:
			depth--
		}
		if item.Typ.IsOperator() {
			operators++
		}
		if depth > maxQueryDepth {
			return fmt.Errorf("its brackets are nested more than %d deep: record a part of it as a rule", maxQueryDepth)
		}
		if operators > maxQueryOperators {
			return fmt.Errorf("it has more than %d operators: record a part of it as a rule", maxQueryOperators)
		}
	}
}

// parseExpr parses PromQL within the limits.
func parseExpr(text string) (parser.Expr, error) {
	if err := checkSize(text); err != nil {
		return nil, err
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, explainPromQL(err)
	}
	return expr, nil
}

// parseMatchers parses a set of matchers such as {code=~"5..", job="a"}, which
// must not name a metric. The result is sorted and without repetitions.
func parseMatchers(text string) ([]*labels.Matcher, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil, fmt.Errorf(`%q is no set of matchers: write it with braces, e.g. {code=~"5.."}`, strict.Clip(text))
	}
	if err := checkSize(text); err != nil {
		return nil, err
	}
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
	if err != nil {
		return nil, explainPromQL(err)
	}
	for _, m := range matchers {
		if m.Name == model.MetricNameLabel {
			return nil, errors.New(`it names a metric: write the metric's name into "metric", and only the labels here`)
		}
	}
	slices.SortFunc(matchers, func(a, b *labels.Matcher) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(matchers, func(a, b *labels.Matcher) bool { return a.String() == b.String() }), nil
}

// explainPromQL turns the parser's first error into "column n: why".
func explainPromQL(err error) error {
	var list parser.ParseErrors
	if !errors.As(err, &list) || len(list) == 0 {
		return err
	}
	first := list[0]
	place := fmt.Sprintf("column %d", first.PositionRange.Start+1)
	if before := first.Query[:min(len(first.Query), int(first.PositionRange.Start))]; strings.Contains(before, "\n") {
		place = fmt.Sprintf("line %d of it", strings.Count(before, "\n")+1)
	}
	return fmt.Errorf("at %s: %w", place, first.Err)
}

// checkCost refuses what no rubric should ask of a Prometheus, and what asks of
// another time than that of the tick.
func checkCost(expr parser.Expr) error {
	var errs []error
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.VectorSelector:
			errs = append(errs, checkSelector(n), checkInstant(n.Timestamp, n.StartOrEnd), checkOffset(n.OriginalOffset, n.OriginalOffsetExpr))
		case *parser.MatrixSelector:
			errs = append(errs, checkDuration("the range", n.Range, n.RangeExpr))
		case *parser.SubqueryExpr:
			errs = append(errs,
				checkInstant(n.Timestamp, n.StartOrEnd),
				checkDuration("the range", n.Range, n.RangeExpr),
				checkOffset(n.OriginalOffset, n.OriginalOffsetExpr),
				checkDuration("the step", n.Step, n.StepExpr))
			if n.Step > 0 && n.Step < minSubqueryStep {
				errs = append(errs, fmt.Errorf("the subquery's step %s is below %s: make it longer", model.Duration(n.Step), model.Duration(minSubqueryStep)))
			}
		}
		return nil
	})
	return errors.Join(errs...)
}

// checkSelector refuses a selector that could touch every series there is.
func checkSelector(n *parser.VectorSelector) error {
	for _, m := range n.LabelMatchers {
		if m.Type == labels.MatchEqual && m.Value != "" {
			return nil
		}
	}
	return fmt.Errorf("the selector %s could touch every series: name a metric", n)
}

// checkInstant refuses the modifier @, which takes a query out of its tick.
func checkInstant(at *int64, edge parser.ItemType) error {
	if at == nil && edge == 0 {
		return nil
	}
	return errors.New("it has an @, so that its answer is not of the time that is graded: remove the @")
}

// checkOffset refuses an offset into the future, of which a backtest would know
// more than a service.
func checkOffset(d time.Duration, computed *parser.DurationExpr) error {
	if d < 0 && computed == nil {
		return errors.New("it has a negative offset, which looks into the future: remove the minus")
	}
	return checkDuration("the offset", d, computed)
}

func checkDuration(what string, d time.Duration, computed *parser.DurationExpr) error {
	if computed != nil {
		return fmt.Errorf("%s %s is computed, which older servers do not know: write the duration out", what, computed)
	}
	if d > maxQueryRange && d != WindowPlaceholder {
		return fmt.Errorf("%s %s is longer than %s: shorten it", what, inDays(d), inDays(maxQueryRange))
	}
	return nil
}
