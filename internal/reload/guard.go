package reload

import (
	"fmt"
	"slices"
	"strings"
)

// The rule of the guard: at most a fifth of the services may go at once, unless
// the same catalog is offered three times in a row.
const (
	maxShrinkPercent = 20
	sightingsNeeded  = 3
	examplesShown    = 3
)

// ShrinkGuard holds back a catalog that loses more than 20 % of its services,
// because that is what a broken mount, an empty checkout or a file cut in half
// looks like. A real farewell is told apart by its patience: the same catalog,
// offered for the third time in a row, is admitted. The zero value is ready;
// it is not safe for concurrent use.
type ShrinkGuard struct {
	version string
	seen    int // how often version was offered in a row, and refused
}

// Admit returns nil when the catalog that has the ids next may replace the one
// that has the ids current, and a *RefusedError when not. What counts is which
// ids vanish, not how many are left: a catalog in which a third of the ids is
// replaced by others has lost a third. An empty catalog is one like any other.
//
// version names what next says, as a hash of its content; another one starts
// the count anew, and so does a catalog that is admitted. Each call is one
// sighting, so ask once per reload, and last: after everything else that can
// fail.
func (g *ShrinkGuard) Admit(current, next []string, version string) error {
	services, vanishing := vanished(current, next)
	if len(vanishing)*100 <= services*maxShrinkPercent {
		g.reset()
		return nil
	}
	if version != g.version {
		g.version, g.seen = version, 0
	}
	g.seen++
	if g.seen >= sightingsNeeded {
		g.reset()
		return nil
	}
	return &RefusedError{
		Services: services, Vanishing: len(vanishing), Examples: vanishing[:min(len(vanishing), examplesShown)],
		Seen: g.seen, Needed: sightingsNeeded,
	}
}

func (g *ShrinkGuard) reset() { *g = ShrinkGuard{} }

// vanished returns how many services there are, and which of them are not among
// the next ones, sorted and once each.
func vanished(current, next []string) (services int, gone []string) {
	stays := make(map[string]bool, len(next))
	for _, id := range next {
		stays[id] = true
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(current)))
	for _, id := range distinct {
		if !stays[id] {
			gone = append(gone, id)
		}
	}
	return len(distinct), gone
}

// RefusedError says that a catalog was held back, and when it will not be. A
// Reloader offers it again by itself.
type RefusedError struct {
	Services  int      // in the catalog in force
	Vanishing int      // of them: not in the catalog that was refused
	Examples  []string // the first few that would vanish
	Seen      int      // how often the refused catalog was offered in a row
	Needed    int      // how often it has to be
}

// Error implements error.
func (e *RefusedError) Error() string {
	more := ""
	if e.Vanishing > len(e.Examples) {
		more = ", …"
	}
	return fmt.Sprintf("replacing the catalog: %d of its %d services would vanish (%s%s), and more than %d %% at once is taken for an accident: "+
		"mend the catalog files; or, if these services are to go, leave the files as they are: "+
		"this very catalog was offered %d of %d times in a row and is offered again by itself, or by further reloads",
		e.Vanishing, e.Services, strings.Join(e.Examples, ", "), more, maxShrinkPercent, e.Seen, e.Needed)
}
