package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/apgarhq/apgar/scorecard"
)

// Acquire grants the right to commit for the time ttl, by the clock of Redis.
// It is granted when it is free, expired or already the owner's; an owner whose
// lease has not expired keeps its epoch. While another holds it the error is
// scorecard.ErrFenced. Every new grant has a higher epoch than all before: the
// next one, or the time in microseconds if that is more, so that a server that
// lost a grant in a failover cannot give the same epoch twice.
func (s *Store) Acquire(ctx context.Context, owner string, ttl time.Duration) (scorecard.Lease, error) {
	if owner == "" || ttl <= 0 {
		return scorecard.Lease{}, fmt.Errorf("acquire the grading lease for %q and %v: it needs an owner and a positive time", owner, ttl)
	}
	v, err := s.leaseCall(ctx, "acquire", scorecard.Lease{Owner: owner}, ttl)
	switch {
	case err != nil:
		return scorecard.Lease{}, fmt.Errorf("acquire the grading lease for %q: %w", owner, err)
	case v.word() == "granted":
		return scorecard.Lease{Owner: owner, Epoch: v.number(1)}, nil
	}
	return scorecard.Lease{}, refuse(scorecard.ErrFenced, "acquire the grading lease for %q: %q holds it for another %v; try again then",
		owner, v.text(1), time.Duration(v.number(3))*time.Microsecond)
}

// Renew makes the lease last for the time ttl from now. The error is
// scorecard.ErrFenced when it is not the newest one granted, or was released.
// A lease that has expired, but that nobody else has got since, is renewed.
func (s *Store) Renew(ctx context.Context, l scorecard.Lease, ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("renew the grading lease of %q for %v: it needs a positive time", l.Owner, ttl)
	}
	v, err := s.leaseCall(ctx, "renew", l, ttl)
	switch {
	case err != nil:
		return fmt.Errorf("renew the grading lease of %q: %w", l.Owner, err)
	case v.word() == "ok":
		return nil
	}
	return refuse(scorecard.ErrFenced, "renew the grading lease of %q, epoch %d: %s; stop grading and acquire a new one",
		l.Owner, l.Epoch, newestLease(v))
}

// Release gives the lease back, so that another need not wait until it
// expires. Giving back one that is not the newest changes nothing.
func (s *Store) Release(ctx context.Context, l scorecard.Lease) error {
	if _, err := s.leaseCall(ctx, "release", l, 0); err != nil {
		return fmt.Errorf("release the grading lease of %q: %w", l.Owner, err)
	}
	return nil
}

func (s *Store) leaseCall(ctx context.Context, action string, l scorecard.Lease, ttl time.Duration) (verdict, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := run(ctx, s.client, s.scripts.lease, []string{s.keys.lease()}, action, l.Owner, l.Epoch, ttl.Microseconds())
	return v, s.noted("lease", err)
}

// newestLease says who has the newest lease, for messages.
func newestLease(v verdict) string {
	if v.text(1) == "" {
		return "nobody holds one now"
	}
	return fmt.Sprintf("%q holds a newer one, epoch %s", v.text(1), v.text(2))
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
