package api

import (
	"strconv"
	"strings"
)

// place is where a reader of the log of changes stands: behind a change of
// one life of the store. As text it is the id of an event.
type place struct {
	incarnation string
	change      uint64
}

// String returns the place as ids of events have it.
func (p place) String() string { return p.incarnation + "-" + strconv.FormatUint(p.change, 10) }

// parsePlace reads the id of an event.
func parsePlace(text string) (place, bool) {
	incarnation, number, ok := strings.Cut(text, "-")
	if !ok || strings.Trim(incarnation, "0123456789abcdef") != "" {
		return place{}, false
	}
	change, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return place{}, false
	}
	return place{incarnation: incarnation, change: change}, true
}

// resetReason says why a reader has to begin anew.
type resetReason string

const (
	resetMalformed   resetReason = "malformed"   // the id is none of ours
	resetIncarnation resetReason = "incarnation" // the store has lost everything and begun another life
	resetAhead       resetReason = "ahead"       // the change is newer than what this server serves
	resetDropped     resetReason = "dropped"     // changes after it are no longer in the log
)

func resetReasons() []resetReason {
	return []resetReason{resetMalformed, resetIncarnation, resetAhead, resetDropped}
}
