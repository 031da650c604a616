package reload

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that what ran has ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
