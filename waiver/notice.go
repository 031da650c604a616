package waiver

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

// Use is one result that a waiver takes out of a score.
type Use struct {
	Waiver  string // id
	Service catalog.ID
	Rubric  string
	Check   string
	// Passes says that the check would pass if it were not waived. False also
	// stands for a check of which nothing is known.
	Passes bool
}

// Notice is one waiver that somebody should look at.
type Notice struct {
	Waiver  Waiver
	Kind    NoticeKind
	Passing []Use  // of Passing: what it exempts and would pass, by service and check
	Message string // for people: what is so, and what to do
}

// NoticeKind says why a waiver should be looked at.
type NoticeKind string

// The kinds of notice.
const (
	Expiring NoticeKind = "expiring" // it will be over soon
	Passing  NoticeKind = "passing"  // a check that it exempts a service from passes again
)

// Notices returns what should be looked at among the waivers in force at a
// time: those that will have expired when within has passed, and those of whose
// uses some would pass. Uses of other waivers are ignored. They come by id,
// expiring before passing.
func (s *Set) Notices(uses []Use, at time.Time, within time.Duration) []Notice {
	byWaiver := map[string][]Use{}
	for _, u := range uses {
		byWaiver[u.Waiver] = append(byWaiver[u.Waiver], u)
	}
	var out []Notice
	for _, w := range s.Waivers() {
		if !w.InForce(at) {
			continue
		}
		if !w.InForce(at.Add(within)) {
			out = append(out, Notice{Waiver: w, Kind: Expiring, Message: fmt.Sprintf(
				"waiver %s expires on %s: mend what it excuses, or have it approved anew", w.ID, day(w.Expires))})
		}
		if n, found := passing(w, byWaiver[w.ID]); found {
			out = append(out, n)
		}
	}
	return out
}

// passing says which uses of a waiver would pass; found is false if none would.
func passing(w Waiver, uses []Use) (n Notice, found bool) {
	n = Notice{Waiver: w, Kind: Passing}
	for _, u := range uses {
		if u.Passes {
			n.Passing = append(n.Passing, u)
		}
	}
	slices.SortFunc(n.Passing, func(a, b Use) int {
		return cmp.Or(a.Service.Compare(b.Service), cmp.Compare(a.Rubric, b.Rubric), cmp.Compare(a.Check, b.Check))
	})
	switch passing := len(n.Passing); {
	case passing == 0:
		return Notice{}, false
	case passing == len(uses):
		n.Message = fmt.Sprintf("waiver %s is not needed any more: every check that it exempts a service from passes; remove it", w.ID)
	default:
		n.Message = fmt.Sprintf("waiver %s is needed less: %d of the %d checks that it exempts services from pass; narrow it", w.ID, passing, len(uses))
	}
	return n, true
}
