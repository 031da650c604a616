package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABarGrowsOnATerminalAndIsALineElsewhere(t *testing.T) {
	var terminal, log strings.Builder
	for done := range 4 {
		bar{&terminal, true}.show(done, 3)
		newBar(&log).show(done, 3)
	}
	require.Equal(t, "\r[..............................] asked about the past: 0 of 3 ranges"+
		"\r[##########....................] asked about the past: 1 of 3 ranges"+
		"\r[####################..........] asked about the past: 2 of 3 ranges"+
		"\r[##############################] asked about the past: 3 of 3 ranges\n", terminal.String())
	require.Equal(t, "asked about the past: 3 of 3 ranges\n", log.String())
}
