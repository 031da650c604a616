package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/apgarhq/apgar/collector"
	"github.com/apgarhq/apgar/collector/question"
	"github.com/apgarhq/apgar/scorecard"
)

// engine collects by one configuration at a time. Another one takes over what
// the one before it knew: the ledger, the grading state, the lease.
type engine struct {
	o       engineOptions
	current atomic.Pointer[term]
	next    chan *term
}

type engineOptions struct {
	store       *openStore
	owner       string        // names this process in leases
	replay      time.Duration // before the first tick
	uncommitted func(*scorecard.Snapshot)
	registerer  prometheus.Registerer
	log         *slog.Logger
}

// term is a configuration in force with the collector that goes by it.
type term struct {
	setup     *setup
	collector *collector.Collector
}

// newEngine prepares to collect by a configuration.
func newEngine(s *setup, o engineOptions) (*engine, error) {
	e := &engine{o: o, next: make(chan *term)}
	plan, err := s.plan(nil)
	if err != nil {
		return nil, err
	}
	e.current.Store(e.term(s, plan, nil))
	return e, nil
}

func (e *engine) term(s *setup, plan *question.Plan, before *collector.Collector) *term {
	o := collector.Options{
		Plan: plan, Sources: s.sources, Store: e.o.store, Volatile: e.o.store.volatile(),
		Environment: s.config.Global.Environment, Owner: e.o.owner, Predecessor: before,
		Uncommitted: e.o.uncommitted, Registerer: e.o.registerer, Logger: e.o.log,
	}
	if before == nil {
		o.Replay = e.o.replay
	}
	return &term{setup: s, collector: collector.New(o)}
}

// run collects until ctx ends.
func (e *engine) run(ctx context.Context) error {
	for t := e.current.Load(); ; {
		next, err := e.serve(ctx, t)
		if next == nil || err != nil {
			t.setup.close()
			return err
		}
		t.setup.replacedBy(next.setup)
		t = next
	}
}

// serve collects by one configuration until there is another, which it
// returns, or ctx ends.
func (e *engine) serve(ctx context.Context, t *term) (next *term, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- t.collector.Run(ctx) }()
	select {
	case err := <-ended:
		return nil, err
	case next = <-e.next:
		t.collector.HandOver()
		stop()
		return next, <-ended
	}
}

// swap puts another configuration into force, at which nothing can fail any
// more but the end of the service: then it is closed, and the error is that of
// ctx. It is called by one goroutine at a time.
func (e *engine) swap(ctx context.Context, s *setup, plan *question.Plan) error {
	next := e.term(s, plan, e.current.Load().collector)
	select {
	case e.next <- next:
		e.current.Store(next)
		return nil
	case <-ctx.Done():
		s.close()
		return fmt.Errorf("putting the configuration into force: %w", ctx.Err())
	}
}

// close gives back what the engine holds, when run was never called.
func (e *engine) close() { e.current.Load().setup.close() }

// setup is the configuration in force.
func (e *engine) setup() *setup { return e.current.Load().setup }

// owner names this process in leases: no other has the same name, even if it
// has the same host name and process id.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), hex.EncodeToString(id[:]))
}
