package scraping

import (
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

const reportCount = 5

// reportNames are the series that every scrape adds about itself, in the order of report.
func reportNames() [reportCount]string {
	return [reportCount]string{
		"up",
		"scrape_duration_seconds",
		"scrape_samples_scraped",
		"scrape_samples_post_metric_relabeling",
		"scrape_series_added",
	}
}

func (l *loop) prepareReports() {
	for k, name := range reportNames() {
		l.reports[k].labels = labels.NewBuilder(l.labels).Set(labels.MetricName, name).Labels()
	}
}

// report appends the series about the scrape itself.
func (in *intake) report(took time.Duration) error {
	up := 1.0
	if in.failed {
		up = 0
	}
	values := [reportCount]float64{up, took.Seconds(), float64(in.exposed), float64(in.taken), float64(in.added)}
	for k, v := range values {
		if err := in.append(&in.reports[k], in.at, v); err != nil && !isUntimely(err) {
			return fmt.Errorf("reporting on the scrape by %s: %w", in.reports[k].labels, err)
		}
	}
	return nil
}
