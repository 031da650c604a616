package reload

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What becomes of a reload: the values of the label result.
const (
	resultOK      = "ok"
	resultFailed  = "failed"
	resultRefused = "refused"
)

// reloadMetrics are those of a Reloader.
type reloadMetrics struct {
	successful  prometheus.Gauge
	successTime prometheus.Gauge
	reloads     *prometheus.CounterVec
}

// newReloadMetrics begins with success now: what is in force was read when the
// process started. A nil registerer is fine.
func newReloadMetrics(reg prometheus.Registerer) (*reloadMetrics, error) {
	m := &reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_config_last_reload_successful",
			Help: "1 when the newest reload was put into force, 0 when it failed or was refused and the old state stays.",
		}),
		successTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_config_last_reload_success_timestamp_seconds",
			Help: "When the configuration in force was put into force, in Unix seconds.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "apgar_config_reloads_total",
			Help: "Reloads, by result: ok, failed or refused.",
		}, []string{"result"}),
	}
	for _, result := range []string{resultOK, resultFailed, resultRefused} {
		m.reloads.WithLabelValues(result)
	}
	m.succeeded()
	return m, register(reg, "reloading", m.successful, m.successTime, m.reloads)
}

func (m *reloadMetrics) succeeded() {
	m.successful.Set(1)
	m.successTime.Set(float64(time.Now().UnixMilli()) / 1000)
}

// watchMetrics are those of a Watcher.
type watchMetrics struct {
	watched, unwatched prometheus.Gauge
}

func newWatchMetrics(reg prometheus.Registerer) (*watchMetrics, error) {
	m := &watchMetrics{
		watched: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_config_watched_directories",
			Help: "Directories whose changes the operating system reports at once.",
		}),
		unwatched: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "apgar_config_unwatched_directories",
			Help: "Directories that cannot be watched: changes there are noticed at the next look at all files.",
		}),
	}
	return m, register(reg, "watching files", m.watched, m.unwatched)
}

func register(reg prometheus.Registerer, what string, metrics ...prometheus.Collector) error {
	if reg == nil {
		return nil
	}
	for _, m := range metrics {
		if err := reg.Register(m); err != nil {
			return fmt.Errorf("registering the metrics of %s: %w", what, err)
		}
	}
	return nil
}
