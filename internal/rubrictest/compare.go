package rubrictest

import (
	"fmt"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/scorecard"
)

// compare holds the scorecards of a tick against one expectation.
func (r *running) compare(e *expectation, cards []*scorecard.Scorecard) {
	card := cardOf(cards, e)
	whose := fmt.Sprintf("%s by %s at %s", e.service, e.rubric.Name, model.Duration(e.at))
	switch {
	case card == nil && !e.graded:
		return
	case card == nil:
		r.fail(Failure{Position: e.position, What: whose, Expected: "a scorecard", Got: "none: the rubric does not apply to the service"})
		return
	case !e.graded:
		r.fail(Failure{Position: e.position, What: whose, Expected: "no scorecard", Got: "one with score " + points(card.Score).String()})
		return
	}
	fields := cardFields(card)
	for _, w := range e.fields {
		r.hold(w, fields, whose, "")
	}
	for _, wanted := range e.checks {
		for i := range card.Results {
			if result := &card.Results[i]; result.Check == wanted.name {
				r.result(wanted, result, whose)
			}
		}
	}
}

func (r *running) result(wanted wantedCheck, result *scorecard.Result, whose string) {
	fields := resultFields(result)
	for _, w := range wanted.fields {
		message := ""
		if w.field != "message" {
			message = fmt.Sprintf("%s %s: %s", result.Verdict, result.Reason, result.Message)
		}
		r.hold(w, fields, whose+", check "+wanted.name, message)
	}
}

// hold compares one field.
func (r *running) hold(w wantedField, fields map[string]fact, whose, message string) {
	if got := fields[w.field]; !w.want.meets(got) {
		r.fail(Failure{
			Position: catalog.Position{File: r.file.Path, Line: w.line}, What: whose + ": " + w.field,
			Expected: w.expected, Got: got.String(), Message: message,
		})
	}
}

func (r *running) fail(f Failure) { r.failures = append(r.failures, f) }

func cardOf(cards []*scorecard.Scorecard, e *expectation) *scorecard.Scorecard {
	for _, card := range cards {
		if card.Rubric == e.rubric.Name && card.Service.ID == e.service {
			return card
		}
	}
	return nil
}
