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
	problems := []catalog.Problem{
		{Position: at(one, 1), Message: "it deserves a look", Warning: true},
		{Position: at("bad.yml", 4), Message: "no checks"},
		{Position: at("bad.yml", 7), Message: "no name"},
	}
	require.NoError(t, WriteJUnit(&b, outcomes, problems))
	var back junitReport
	require.NoError(t, xml.Unmarshal([]byte(b.String()), &back))
	require.Equal(t, 4, back.Tests)
	require.Equal(t, 1, back.Failures)
	require.Equal(t, 1, back.Errors, "what could not be read is not what passed")
	require.Equal(t, "1.521", back.Seconds)
	require.Len(t, back.Suites, 3)
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
	require.Zero(t, back.Suites[1].Errors)
	unread := back.Suites[2]
	require.Equal(t, []any{"bad.yml", 1, 1, 4}, []any{unread.Name, unread.Tests, unread.Errors, unread.Cases[0].Line})
	require.Equal(t, "no checks", unread.Cases[0].Error.Message)
	require.Equal(t, "\nbad.yml:4: no checks\nbad.yml:7: no name\n", unread.Cases[0].Error.Text)
}
