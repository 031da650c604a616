package storetest

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// Fails reports whether the case with this name fails for the store, without
// failing tb. With it a backend proves that the suite can fail: a store with a
// fault must be caught by the case that is about it. A name that is no case
// fails tb.
func Fails(tb testing.TB, name string, s Store) bool {
	tb.Helper()
	for _, c := range cases() {
		if c.name == name {
			r := &recorder{TB: tb}
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.run(r, s)
			}()
			<-done
			return r.failed.Load()
		}
	}
	tb.Fatalf("run the conformance case %q: there is no such case", name)
	return false
}

// recorder is a testing.TB that keeps to itself that a test has failed.
type recorder struct {
	testing.TB
	failed atomic.Bool
}

// Errorf notes a failure.
func (r *recorder) Errorf(string, ...any) { r.failed.Store(true) }

// FailNow notes a failure and ends the goroutine of the case.
func (r *recorder) FailNow() {
	r.failed.Store(true)
	runtime.Goexit()
}
