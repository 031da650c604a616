package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// lease is the newest lease granted:
//
//	free ── Acquire ──▶ held ── ttl passes ──▶ expired ── Acquire ──▶ held, higher epoch
//	  ▲                  │ ▲                      │
//	  └──── Release ─────┘ └─────── Renew ────────┘
//
// A free lease keeps its epoch and has no owner.
type lease struct {
	scorecard.Lease
	expires time.Time
}

// is reports whether l is the newest lease, expired or not.
func (l *lease) is(other scorecard.Lease) bool {
	return l.Owner != "" && l.Lease == other
}

// Acquire grants the right to commit for the time ttl, in which the owner
// should Renew it. It is granted when it is free, expired or already the
// owner's; an owner whose lease has not expired keeps its epoch. While another
// holds it the error is scorecard.ErrFenced. Every new grant has a higher
// epoch than all before: the next one, or the time in microseconds if that is
// higher. An owner names one life of one process: two that call themselves
// the same are not told apart.
func (s *Store) Acquire(ctx context.Context, owner string, ttl time.Duration) (scorecard.Lease, error) {
	if owner == "" || ttl <= 0 {
		return scorecard.Lease{}, fmt.Errorf("acquire the grading lease for %q and %v: it needs an owner and a positive time", owner, ttl)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return scorecard.Lease{}, fmt.Errorf("acquire the grading lease for %q: %w", owner, err)
	}
	now := s.now()
	held := s.lease.Owner != "" && now.Before(s.lease.expires)
	if held && s.lease.Owner != owner {
		return scorecard.Lease{}, refuse(scorecard.ErrFenced, "acquire the grading lease for %q: %q holds it for another %v; try again then",
			owner, s.lease.Owner, s.lease.expires.Sub(now))
	}
	if !held {
		clock := uint64(max(0, now.UnixMicro()))
		s.lease.Lease = scorecard.Lease{Owner: owner, Epoch: max(s.lease.Epoch+1, clock)}
	}
	s.lease.expires = now.Add(ttl)
	return s.lease.Lease, nil
}

// Renew makes the lease last for the time ttl from now. The error is
// scorecard.ErrFenced when it is not the newest one granted, or was released.
// A lease that has expired, but that nobody else has got since, is renewed.
func (s *Store) Renew(ctx context.Context, l scorecard.Lease, ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("renew the grading lease of %q for %v: it needs a positive time", l.Owner, ttl)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("renew the grading lease of %q: %w", l.Owner, err)
	}
	if !s.lease.is(l) {
		return refuse(scorecard.ErrFenced, "renew the grading lease of %q, epoch %d: %s; stop grading and acquire a new one",
			l.Owner, l.Epoch, s.lease.newest())
	}
	s.lease.expires = s.now().Add(ttl)
	return nil
}

// Release gives the lease back, so that another need not wait until it
// expires. Giving back one that is not the newest changes nothing.
func (s *Store) Release(ctx context.Context, l scorecard.Lease) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("release the grading lease of %q: %w", l.Owner, err)
	}
	if s.lease.is(l) {
		s.lease.Owner = ""
	}
	return nil
}

// newest says who has the newest lease, for messages.
func (l *lease) newest() string {
	if l.Owner == "" {
		return "nobody holds one now"
	}
	return fmt.Sprintf("%q holds a newer one, epoch %d", l.Owner, l.Epoch)
}

// refusal is an error with a message of its own that errors.Is finds to be
// one of the errors of package scorecard.
type refusal struct {
	error
	kind error
}

// Unwrap returns the kind of refusal.
func (r refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return refusal{error: fmt.Errorf(format, args...), kind: kind}
}
