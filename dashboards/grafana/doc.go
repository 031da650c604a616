// Package grafana generates the Grafana dashboards that Apgar ships. The names
// of metrics and labels come from the packages that export them, and the model
// of a dashboard from Grafana's own SDK, so that the compiler checks both.
//
// It builds and writes; it asks nobody. What is written is in the folder
// beside it, and is read by Grafana, not by Apgar.
package grafana

//go:generate go run ./gen
