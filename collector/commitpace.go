package collector

import (
	"context"
	"errors"
	"time"
)

// commitPace is how long commits may take. One that was cut off costs the next one
// more, as it has to look up what there is: where the store is slow, a limit that
// stays would never be kept again. So it grows until commits are taken, and
// follows them down. A store that does not answer at all is not waited for like
// that: it is asked for the newest commit first, within a limit that stays.
type commitPace struct{ allowed time.Duration }

// slowestPace is how long a commit may take at most, unless three quarters of
// an interval are longer.
const slowestPace = 10 * time.Second

// limit is how long the next commit may take; least is what it may in any case.
func (p *commitPace) limit(least time.Duration) time.Duration { return max(least, p.allowed) }

// note takes in how long a commit took, and what came of it.
func (p *commitPace) note(took time.Duration, err error, least, interval time.Duration) {
	most := max(slowestPace, interval*3/4)
	switch {
	case err == nil:
		p.allowed = min(most, 2*took)
	case errors.Is(err, context.DeadlineExceeded):
		p.allowed = min(most, 2*p.limit(least))
	}
}
