package redisstore

import (
	"sync"

	"github.com/apgarhq/apgar/scorecard"
)

// owes is what a store owes to the one who commits here. They hand over only
// what has changed since a generation that they know: the newest that they
// committed, or read the pages of. Once that is lost, they have to hand over
// everything.
type owes struct {
	mu    sync.Mutex
	known *manifest // nil: none
	asked bool      // for everything; the next commit brings it
}

// lost reports whether what is known is no part of the past of the newest
// generation: it was lost with a server, deleted or damaged.
func (o *owes) lost(newest *manifest) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !newest.follows(o.known)
}

// forked reports whether the newest generation comes before the one that is
// known, or in its place: what was told of that one is not true any more.
func (o *owes) forked(newest *manifest) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return newest != nil && o.known != nil && newest.Incarnation == o.known.Incarnation && !newest.follows(o.known)
}

// demand asks for everything, once: what is committed next brings it.
func (o *owes) demand(why string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.asked {
		return nil
	}
	o.asked = true
	return refuse(scorecard.ErrForgotten, "%s: hand over all pages of the ledger", why)
}

// settle notes that a generation is known here. With nil nothing new is known,
// and what was asked for is not any more: the pages are read anew.
func (o *owes) settle(m *manifest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = false
	if m != nil {
		o.known = m
	}
}
