package promapi

import "sync"

const (
	// retryShare is how many retries each question earns: over time, a source gets at most 1 + retryShare times the
	// requests it would get without retries.
	retryShare = 0.1
	// minRetryBurst is the least number of retries that may happen at once.
	minRetryBurst = 3
)

// retryBudget keeps retries from amplifying an outage.
type retryBudget struct {
	mu     sync.Mutex
	tokens float64
	burst  float64
}

// newRetryBudget starts full. A burst covers all queries in flight, so that all of them can fail over together when the
// preferred replica dies.
func newRetryBudget(concurrency int) *retryBudget {
	burst := float64(max(minRetryBurst, concurrency))
	return &retryBudget{tokens: burst, burst: burst}
}

// earn is called once per question.
func (b *retryBudget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.burst, b.tokens+retryShare)
}

// spend takes one retry out of the budget, if there is one.
func (b *retryBudget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
