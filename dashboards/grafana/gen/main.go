// Command gen writes the dashboards into the folder it is run in, which is the
// one of package grafana.
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/apgarhq/apgar/dashboards/grafana"
)

func main() {
	if err := write(); err != nil {
		slog.Error("The dashboards were not generated.", "err", err)
		os.Exit(1)
	}
}

func write() error {
	board, err := grafana.Fleet()
	if err != nil {
		return err
	}
	text, err := board.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(board.File, text, 0o644); err != nil {
		return fmt.Errorf("writing the dashboard %s: %w (is the folder writable?)", board.File, err)
	}
	return nil
}
