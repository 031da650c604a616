package app

import "github.com/prometheus/common/version"

// Version describes the build in a few lines.
func Version() string { return version.Print("apgar") }
