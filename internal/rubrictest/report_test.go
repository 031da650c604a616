package rubrictest

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/apgarhq/apgar/catalog"
)

func TestAReportInTheFormatOfJUnit(t *testing.T) {
	one, two := "one.test.yml", "two.test.yml"
	at := func(file string, line int) catalog.Position { return catalog.Position{File: file, Line: line} }
	outcomes := []Outcome{
		{Test: "sound", Position: at(one, 3), Took: 1500 * time.Millisecond},
		{Test: `a < b & "c"`, Position: at(one, 9), Took: 20 * time.Millisecond, Failures: []Failure{
			{Position: at(one, 12), What: "x at 2h: score", Expected: "1", Got: "2", Message: "]]> <bad>\x01"},
			{Position: at(one, 13), What: "the test ended early", Got: "boom"},
		}},
		{Test: "sound", Position: at(two, 3), Took: time.Millisecond},
	}
	var b strings.Builder
	require.NoError(t, WriteJUnit(&b, outcomes))
	var back junitReport
	require.NoError(t, xml.Unmarshal([]byte(b.String()), &back))
	require.Equal(t, 3, back.Tests)
	require.Equal(t, 1, back.Failures)
	require.Equal(t, "1.521", back.Seconds)
	require.Len(t, back.Suites, 2)
	require.Equal(t, 2, back.Suites[0].Tests)
	require.Equal(t, 1, back.Suites[0].Failures)
	require.Nil(t, back.Suites[0].Cases[0].Failure)
	failed := back.Suites[0].Cases[1]
	require.Equal(t, `a < b & "c"`, failed.Name)
	require.Equal(t, 9, failed.Line)
	require.Equal(t, "x at 2h: score: expected 1, got 2", failed.Failure.Message)
	require.Equal(t, "\n  one.test.yml:12: x at 2h: score\n      expected  1\n      got       2\n      because   ]]> <bad>\uFFFD\n"+
		"  one.test.yml:13: the test ended early\n      got       boom\n", failed.Failure.Text)
	require.Equal(t, "two.test.yml", back.Suites[1].Name)
}
