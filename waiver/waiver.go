// Package waiver exempts services from checks: for a reason, for a while, and
// never by one person alone. It loads waivers from YAML and says which of them
// holds for a service, a check and a time. It knows rubrics by name only; what
// a waiver does to a score is for the grading to say.
package waiver

import (
	"slices"
	"strconv"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// MaxTerm is the longest that a waiver may last.
const MaxTerm = 90 * 24 * time.Hour

// Waiver is a dated exemption of services from checks of one rubric. A loaded
// Waiver is immutable.
type Waiver struct {
	ID        string
	Reason    string
	Requester string
	Approver  string // never the requester
	Target    Target
	Rubric    string
	Checks    []string  // none: every check of the rubric
	Created   time.Time // in force from here, inclusive; UTC
	Expires   time.Time // in force to here, exclusive; at most MaxTerm after Created; UTC
	Position  catalog.Position

	places places
}

// places says where the fields stand, for messages.
type places struct {
	target, rubric, expires catalog.Position
	checks                  []catalog.Position // as Checks
}

// InForce reports whether the waiver holds at a time.
func (w Waiver) InForce(at time.Time) bool {
	return !at.Before(w.Created) && at.Before(w.Expires)
}

// Exempts reports whether the waiver is about a check of a rubric.
func (w Waiver) Exempts(rubric, check string) bool {
	return w.Rubric == rubric && (len(w.Checks) == 0 || slices.Contains(w.Checks, check))
}

// Target says which services a waiver is for. Exactly one field is set.
type Target struct {
	Service  catalog.ID
	Owner    string // as catalog.Service has it
	System   string // as catalog.Service has it
	Selector *catalog.Condition
}

// Covers reports whether a service is meant. A selector that cannot be
// evaluated for the service covers it not, and the error says why.
func (t Target) Covers(s *catalog.Service) (bool, error) {
	switch {
	case t.Selector != nil:
		return t.Selector.Eval(s)
	case t.Owner != "":
		return s.Owner == t.Owner, nil
	case t.System != "":
		return s.System == t.System, nil
	}
	return s.ID == t.Service, nil
}

// String returns the target the way people name it: "service
// default/playlist", "owner team-listen", "system library", or the selector
// in quotes.
func (t Target) String() string {
	switch {
	case t.Selector != nil:
		return "selector " + strconv.Quote(t.Selector.Source())
	case t.Owner != "":
		return "owner " + t.Owner
	case t.System != "":
		return "system " + t.System
	}
	return "service " + t.Service.String()
}
