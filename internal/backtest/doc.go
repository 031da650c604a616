// Package backtest compares how two versions of rubrics have graded the same
// past: it takes scorecards tick by tick, keeps sums, and tells who loses a
// level and by which check, as a table, JSON or a page with plots. It asks
// nobody and knows no clock: whoever replays the past hands the scorecards in.
package backtest
