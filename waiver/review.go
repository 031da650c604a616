package waiver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
)

// Scope is what waivers are held against: what is graded.
type Scope struct {
	Rubrics  map[string][]string // name of a rubric → names of its checks
	Services []*catalog.Service
	// Partial says that other rubrics are graded elsewhere: a waiver about one
	// that is not here is no mistake, but deserves a warning.
	Partial bool
}

// Review holds the waivers against what is graded at a time. A rubric or a
// check that there is not, and a selector that fails for a service, is a
// mistake. A waiver that covers no service or has expired is a warning: both
// become so by themselves. The set is good for use nevertheless.
func (s *Set) Review(scope Scope, at time.Time) []catalog.Problem {
	var problems []catalog.Problem
	for _, w := range s.Waivers() {
		r := reviewer{waiver: w, scope: scope}
		r.rubric()
		r.target()
		if !at.Before(w.Expires) {
			r.warn(w.places.expires, "waiver %q has expired on %s and exempts nobody: remove it, or have it approved anew", w.ID, day(w.Expires))
		}
		problems = append(problems, r.problems...)
	}
	catalog.Problems(problems).Sort()
	return problems
}

// reviewer collects what there is to say of one waiver.
type reviewer struct {
	waiver   Waiver
	scope    Scope
	problems []catalog.Problem
}

// mistake reports at a place, or at the waiver where it is not known.
func (r *reviewer) mistake(at catalog.Position, format string, args ...any) {
	r.problems = append(r.problems, catalog.Problem{Position: cmp.Or(at, r.waiver.Position), Message: fmt.Sprintf(format, args...)})
}

func (r *reviewer) warn(at catalog.Position, format string, args ...any) {
	r.mistake(at, format, args...)
	r.problems[len(r.problems)-1].Warning = true
}

// rubric reports names that no rubric and no check has.
func (r *reviewer) rubric() {
	w := r.waiver
	known, ok := r.scope.Rubrics[w.Rubric]
	if !ok {
		report := r.mistake
		if r.scope.Partial {
			report = r.warn
		}
		report(w.places.rubric, "waiver %q is about rubric %q, which is not loaded: %s", w.ID, w.Rubric,
			hint(w.Rubric, slices.Sorted(maps.Keys(r.scope.Rubrics))))
		return
	}
	for i, check := range w.Checks {
		if slices.Contains(known, check) {
			continue
		}
		var at catalog.Position
		if i < len(w.places.checks) {
			at = w.places.checks[i]
		}
		r.mistake(at, "waiver %q is about check %q, which rubric %s does not have: %s", w.ID, check, w.Rubric, hint(check, known))
	}
}

// target reports a target that no service meets, and a selector that fails.
func (r *reviewer) target() {
	t := r.waiver.Target
	covered, failed := 0, 0
	var first error
	for _, s := range r.scope.Services {
		switch covers, err := t.Covers(s); {
		case err != nil:
			failed++
			first = cmp.Or(first, err)
		case covers:
			covered++
		}
	}
	switch {
	case failed > 0:
		r.mistake(r.waiver.places.target, "the selector of waiver %q cannot be evaluated for %d of %d services, which are not exempted: %s", r.waiver.ID, failed, len(r.scope.Services), first)
	case covered > 0:
	case t.Selector == nil && t.Owner == "" && t.System == "":
		r.warn(r.waiver.places.target, "waiver %q is for service %s, which the catalog does not have: %s", r.waiver.ID, t.Service, r.nearestService())
	default:
		r.warn(r.waiver.places.target, "waiver %q exempts nobody: no service of the catalog matches %s", r.waiver.ID, t)
	}
}

func (r *reviewer) nearestService() string {
	ids := make([]string, len(r.scope.Services))
	for i, s := range r.scope.Services {
		ids[i] = s.ID.String()
	}
	if near := strict.Nearest(r.waiver.Target.Service.String(), ids); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "mend its name, or remove the waiver"
}

// hint says which name was meant, or which there are.
func hint(name string, known []string) string {
	switch near := strict.Nearest(name, known); {
	case near != "":
		return fmt.Sprintf("did you mean %q?", near)
	case len(known) == 0:
		return "there is none"
	}
	return "there are " + strings.Join(known, ", ")
}
