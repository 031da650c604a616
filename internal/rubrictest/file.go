package rubrictest

import (
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/waiver"
)

// File is a test file that has been read, with the rubrics and services that
// it names. It is immutable.
type File struct {
	Path     string
	Interval time.Duration // between ticks
	Tests    []*Test

	scrape  time.Duration // between samples
	catalog *catalog.Snapshot
	rubrics []*rubric.Rubric
	sources []source
	waivers *waiver.Set // nil: none
}

// source is where series are kept and asked for.
type source struct {
	name      string
	partition string
	labels    map[string]string
}

// Test is one story: what was measured, and how it is graded. Times are counted
// from the first sample.
type Test struct {
	Name     string
	Position catalog.Position

	start        time.Duration // the first tick that is graded
	series       [][]*series   // by source
	faults       []fault
	expectations []*expectation
}

// series are the samples of one time series, the first at time 0.
type series struct {
	labels labels.Labels
	values []value
}

// expectation is what is expected of one scorecard at one time. Only what is
// written in the file is.
type expectation struct {
	position catalog.Position
	at       time.Duration
	service  catalog.ID
	rubric   *rubric.Rubric
	graded   bool // false: the rubric does not apply
	fields   []wantedField
	checks   []wantedCheck
}

// wantedCheck is what is expected of the result of a check.
type wantedCheck struct {
	name   string
	fields []wantedField
}

// wantedField is one field and what it is expected to be.
type wantedField struct {
	field    string
	line     int
	want     want
	expected string // as it is shown
}
