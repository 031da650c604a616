package promapi

import (
	"sync"
	"time"
)

// Status is how a source is doing, safe to be shown to anyone.
type Status struct {
	State State
	// LastSuccess is when it last answered a question; zero if never.
	LastSuccess time.Time
	// LastError is the newest failure that was the source's own, or ""; it stays after a recovery.
	LastError string
	// LastErrorTime is when that was; zero if never.
	LastErrorTime time.Time
	// Replica is the preferred replica's URL, without userinfo and query.
	Replica string
	// InFlight is the number of questions being asked now.
	InFlight int
}

// State is a source's condition.
type State string

const (
	// StateOK is a source that answered last time, or was not asked yet.
	StateOK State = "ok"
	// StateFailing is a source that failed last time and is still being asked.
	StateFailing State = "failing"
	// StateOpen is a source that failed too often in a row: it is left alone but for a probe now and then.
	StateOpen State = "open"
)

// Status may be called at any time.
func (s *Source) Status() Status {
	status := s.health.status()
	if !s.breaker.closed() {
		status.State = StateOpen
	}
	status.Replica = s.replicas.current().shown
	status.InFlight = int(s.inFlight.Load())
	return status
}

// health remembers the newest outcomes.
type health struct {
	mu            sync.Mutex
	failing       bool
	lastSuccess   time.Time
	lastError     string
	lastErrorTime time.Time
}

// record takes an outcome in; err is nil for a success. Outcomes that say nothing about the source are ignored.
func (h *health) record(now time.Time, err *Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.failing = false
		h.lastSuccess = now
	case err.againstSource():
		h.failing = true
		h.lastError = err.Error()
		h.lastErrorTime = now
	}
}

func (h *health) status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	status := Status{State: StateOK, LastSuccess: h.lastSuccess, LastError: h.lastError, LastErrorTime: h.lastErrorTime}
	if h.failing {
		status.State = StateFailing
	}
	return status
}

// cause is the newest failure, for messages.
func (h *health) cause() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lastError == "" {
		return "unknown"
	}
	return h.lastError
}
