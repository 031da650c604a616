package rubrictest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/scorecard"
)

// fact is a field of a scorecard as it came out.
type fact struct {
	number *float64
	text   string
	kind   fieldKind
	score  bool    // a number that is published with one decimal
	most   float64 // of a number that cannot be below 0, or 0 where anything goes
}

// fieldKind says how a field is written and compared.
type fieldKind int

const (
	kindText fieldKind = iota
	kindNumber
	kindTruth
	kindPart // a text of which a part is given
)

func number(v *float64) fact { return fact{kind: kindNumber, number: v} }

func points(v *float64) fact { return fact{kind: kindNumber, number: v, score: true, most: 100} }

func share(v *float64) fact { return fact{kind: kindNumber, number: v, most: 1} }

func text[T ~string](v T) fact { return fact{text: string(v)} }

func truth(v bool) fact { return fact{kind: kindTruth, text: strconv.FormatBool(v)} }

func perhaps(v *bool) fact {
	if v == nil {
		return fact{kind: kindTruth}
	}
	return truth(*v)
}

// nextStep is the check whose mending is the cheapest way to the next level.
func nextStep(c *scorecard.Scorecard) string {
	if len(c.NextSteps) == 0 {
		return ""
	}
	return c.NextSteps[0].Check
}

// cardFields returns the fields of a scorecard that a test may name.
func cardFields(c *scorecard.Scorecard) map[string]fact {
	return map[string]fact{
		"status": text(c.Status), "score": points(c.Score), "raw_score": points(c.RawScore), "last_score": points(c.LastScore),
		"score_low": points(c.ScoreLow), "score_high": points(c.ScoreHigh), "score_without_waivers": points(c.ScoreWithoutWaivers),
		"coverage": share(&c.Coverage), "fresh_coverage": share(&c.FreshCoverage),
		"grade": text(c.Grade), "level": text(c.Level), "pass": perhaps(c.Pass), "capped_by": text(c.CappedBy),
		"draft": truth(c.Draft), "next_step": text(nextStep(c)),
	}
}

// resultFields returns the fields of a result that a test may name.
func resultFields(r *scorecard.Result) map[string]fact {
	fields := map[string]fact{
		"verdict": text(r.Verdict), "reason": text(r.Reason), "credit": share(r.Credit), "value": number(r.Value),
		"points_lost": points(r.PointsLost), "coverage": share(&r.Coverage), "carried": truth(r.Carried), "missing": text(r.Missing),
		"pending": text(r.Pending), "flapping": truth(r.Flapping), "low_traffic": truth(r.LowTraffic),
		"message": {kind: kindPart, text: r.Message}, "remaining": number(nil), "covered": share(nil),
	}
	if b := r.Budget; b != nil {
		fields["remaining"], fields["covered"] = number(b.Remaining), share(&b.Covered)
	}
	return fields
}

// want is what a field is expected to be.
type want struct {
	null      bool
	number    float64
	tolerance float64
	text      string
}

// meets reports whether a field came out as expected.
func (w want) meets(f fact) bool {
	switch {
	case w.null:
		return f.number == nil && f.text == ""
	case f.kind == kindNumber:
		return f.number != nil && (math.Abs(*f.number-w.number) <= w.tolerance || f.score && scorecard.RoundPoints(w.number) == scorecard.RoundScore(*f.number))
	case f.kind == kindPart:
		return strings.Contains(f.text, w.text)
	}
	return f.text == w.text
}

// String shows a field as a test would write it.
func (f fact) String() string {
	switch {
	case f.number != nil && f.score:
		return scorecard.RoundScore(*f.number)
	case f.number != nil:
		return strconv.FormatFloat(*f.number, 'g', 7, 64)
	case f.text == "":
		return "null"
	case f.kind == kindPart:
		return strconv.Quote(f.text)
	}
	return f.text
}

var numberPattern = regexp.MustCompile(`^(-?[0-9]+(?:\.([0-9]+))?(?:e-?[0-9]+)?)(?:\s*(?:±|\+-)\s*([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?))?$`)

// How exactly numbers are compared whose tolerance is not given.
const (
	scoreTolerance  = 0.05
	fewestDecimals  = 2    // 1 means 1.00
	roundingErrors  = 1e-9 // relative to 1, on top of every tolerance
	numberExamples  = "write e.g. 0.999, or 600 ± 5"
	halfOfALastUnit = 0.5
)

// readWant reads what a field of the kind of f is expected to be.
func readWant(m *strict.Map, field string, f fact) (want, string, bool) {
	if !m.Has(field) {
		return want{null: true}, "null", true
	}
	if m.Node(field).Kind != yaml.ScalarNode {
		_ = m.Text(field) // reports it
		return want{}, "", false
	}
	written := m.Text(field)
	switch f.kind {
	case kindNumber:
		return readNumber(m, field, written, f)
	case kindTruth:
		if written != "true" && written != "false" {
			m.Mistake(m.LineOf(field), "%q of %s is %q: write true, false or null", field, m.What(), written)
			return want{}, "", false
		}
	case kindPart:
		return want{text: written}, "a text with " + strconv.Quote(written) + " in it", true
	case kindText:
	}
	return want{text: written}, written, true
}

func readNumber(m *strict.Map, field, written string, f fact) (want, string, bool) {
	match := numberPattern.FindStringSubmatch(strings.TrimSpace(written))
	if match == nil {
		m.Mistake(m.LineOf(field), "%q of %s is %q, which is no number: %s", field, m.What(), written, numberExamples)
		return want{}, "", false
	}
	w := want{tolerance: scoreTolerance}
	w.number, _ = strconv.ParseFloat(match[1], 64)
	switch {
	case match[3] != "":
		w.tolerance, _ = strconv.ParseFloat(match[3], 64)
	case !f.score:
		w.tolerance = halfOfALastUnit * math.Pow10(-max(fewestDecimals, len(match[2])))
	}
	w.tolerance += roundingErrors * max(1, math.Abs(w.number))
	if math.IsInf(w.number, 0) || math.IsInf(w.tolerance, 0) {
		m.Mistake(m.LineOf(field), "%q of %s is %q, which is too large a number: %s", field, m.What(), written, numberExamples)
		return want{}, "", false
	}
	if f.most > 0 && (w.number < 0 || w.number > f.most) {
		m.Mistake(m.LineOf(field), "%q of %s is %s, but it is between 0 and %g", field, m.What(), written, f.most)
		return want{}, "", false
	}
	return w, written, true
}

// allowed returns the values that a field can have, or nil for any, so that a misspelt one is found when the file is read.
func allowed(field string) []string {
	switch field {
	case "verdict", "pending":
		return []string{
			string(scorecard.Pass), string(scorecard.Warn), string(scorecard.Fail), string(scorecard.VerdictUnknown),
			string(scorecard.Waived), string(scorecard.NotApplicable),
		}
	case "status":
		return []string{string(scorecard.Scored), string(scorecard.Unknown), string(scorecard.NotScored)}
	case "grade":
		return []string{"A", "B", "C", "D", "F"}
	}
	return nil
}

// misspelt returns what to write instead of a value that a field cannot have, or "".
func misspelt(field, written string) string {
	values := allowed(field)
	if values == nil {
		return ""
	}
	for _, v := range values {
		if v == written {
			return ""
		}
	}
	return fmt.Sprintf("write %s or null", strings.Join(values, ", "))
}
