package reload

import "time"

// debounce waits until nothing has happened for a while, and never longer than
// its patience: a file that is written in pieces is read when it is whole, and
// a file that never rests is read all the same.
type debounce struct {
	quiet    time.Duration // nothing must happen for so long
	patience time.Duration // counted from the first event
	first    time.Time
	timer    *time.Timer // nil: nothing has happened
}

// touch says that something has happened now.
func (d *debounce) touch() {
	now := time.Now()
	if d.timer == nil {
		d.first = now
		d.timer = time.NewTimer(min(d.quiet, d.patience))
		return
	}
	d.timer.Reset(max(0, min(d.quiet, d.first.Add(d.patience).Sub(now))))
}

// begin says that something has happened at an unknown time: it begins the
// wait, and does not make one longer.
func (d *debounce) begin() {
	if d.timer == nil {
		d.touch()
	}
}

// rested delivers when the wait is over; then, or to give up, call stop.
func (d *debounce) rested() <-chan time.Time {
	if d.timer == nil {
		return nil
	}
	return d.timer.C
}

// stop ends the wait; the next touch begins another.
func (d *debounce) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
