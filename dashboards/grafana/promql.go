package grafana

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/apgarhq/apgar/exporter"
)

// The pieces that the queries are made of. Series lose what a scrape adds to
// them, so that neither a second instance nor a restart counts a service twice.

// serviceKey are the labels that name a service.
const serviceKey = exporter.LabelServiceNamespace + ", " + exporter.LabelService

// matchVariable matches a label with the values chosen for a variable.
func matchVariable(label, variable string) string { return fmt.Sprintf(`%s=~"$%s"`, label, variable) }

// info selects the info series of the services chosen.
func info(more ...string) string {
	matchers := append(slices.Clone(more),
		matchVariable(exporter.LabelOwner, varOwner),
		matchVariable(exporter.LabelSystem, varSystem),
		matchVariable(exporter.LabelTier, varTier),
		matchVariable(exporter.LabelLifecycle, varLifecycle),
		fmt.Sprintf(`%s=~".*(?:${%s}).*"`, exporter.LabelService, varSearch),
	)
	return exporter.ServiceInfo + "{" + strings.Join(matchers, ", ") + "}"
}

// perService is a metric of scorecards, for the services chosen.
func perService(metric string) string { return chosen(metric, serviceKey) }

// perCheck is a metric of results, for the services chosen.
func perCheck(metric string) string { return chosen(metric, serviceKey+", "+exporter.LabelCheck) }

func chosen(metric, by string) string {
	return fmt.Sprintf(`(%s and on (%s) %s)`, ofRubric(metric, by), serviceKey, info())
}

// ofRubric is a metric of the rubric chosen, for all services; change, if
// given, is what follows the selector.
func ofRubric(metric, by string, change ...string) string {
	return fmt.Sprintf(`max by (%s) (%s{%s="$%s"}%s)`, by, metric, exporter.LabelRubric, varRubric, strings.Join(change, ""))
}

// described adds labels of the catalog to an expression that has one value per
// service, or several that differ in other labels. Should the catalog have
// changed between two scrapes, one of the two answers is taken.
func described(expr string, labels ...string) string {
	list := strings.Join(labels, ", ")
	return fmt.Sprintf(`%s * on (%s) group_left (%s) topk by (%s) (1, max by (%s, %s) (%s))`,
		expr, serviceKey, list, serviceKey, serviceKey, list, info())
}

// scores are those of the services that have one.
func scores() string { return perService(exporter.Score) }

// unknown are the coverages of services that should have a score, and have
// none.
func unknown() string {
	return fmt.Sprintf(`(%s unless on (%s) %s)`, perService(exporter.Coverage), serviceKey, scores())
}

// isUnknown is 1 for services that should have a score and have none, and 0
// for those that have one.
func isUnknown() string {
	return fmt.Sprintf(`(%s >= bool 0 or 0 * %s)`, unknown(), perService(exporter.Coverage))
}

// weights are what the services count for in a mean, by tier: 4, 3, 2, 1, and
// 1 for those without one, with further labels of the catalog.
func weights(labels ...string) string {
	by := strings.Join(append([]string{serviceKey}, labels...), ", ")
	of := func(tier int) string { return info(fmt.Sprintf(`%s="%d"`, exporter.LabelTier, tier)) }
	return fmt.Sprintf(`topk by (%s) (1, 4 * max by (%s) (%s) or 3 * max by (%s) (%s) or 2 * max by (%s) (%s) or max by (%s) (%s))`,
		serviceKey, by, of(1), by, of(2), by, of(3), by, info())
}

// weightedMean is the mean of a metric of scorecards over services, weighted by
// tier, per value of a label of the catalog, or of all if there is none.
func weightedMean(metric string, label ...string) string {
	by := strings.Join(label, "")
	clause, left := "", ""
	if by != "" {
		clause, left = fmt.Sprintf("by (%s) ", by), fmt.Sprintf(" group_left (%s)", by)
	}
	values, w := ofRubric(metric, serviceKey), weights(label...)
	return fmt.Sprintf(`sum %s(%s * on (%s)%s %s) / sum %s((%s) and on (%s) %s)`,
		clause, values, serviceKey, left, w, clause, w, serviceKey, values)
}

// having counts the values of expr for which a comparison holds. It is 0 when
// there are none of those, and nothing when there are no values at all: where
// nothing is known, 0 would say that all is well.
func having(expr, comparison string, than float64) string {
	return fmt.Sprintf("sum(%s %s bool %g)", expr, comparison, than)
}

// named gives a name to services of which the catalog does not say a label.
func named(expr, label string) string {
	return fmt.Sprintf(`label_replace(%s, %q, %q, %q, "")`, expr, label, nobody, label)
}

const nobody = "(none)"

// perSecond is the rate of a counter, summed by labels.
func perSecond(counter string, by ...string) string {
	return fmt.Sprintf(`sum by (%s) (rate(%s[%s]))`, strings.Join(by, ", "), counter, rateInterval)
}

// quantile is one of a classic histogram, over all series.
func quantile(q float64, histogram string) string {
	return fmt.Sprintf(`histogram_quantile(%g, %s)`, q, perSecond(histogram+"_bucket", "le"))
}

// pretty breaks a query into lines, for those who open a panel to learn how it
// is made. A query that is none is an error.
func pretty(expr string) (string, error) {
	const standIn = "7h7m7s" // a range that no query has, where the parser wants one
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(strings.ReplaceAll(expr, rateInterval, standIn))
	if err != nil {
		return "", fmt.Errorf("parsing %s: %w", expr, err)
	}
	return strings.ReplaceAll(parser.Prettify(tree), standIn, rateInterval), nil
}

// rateInterval is the range that Grafana finds right for a rate.
const rateInterval = "$__rate_interval"
