// Command apgar is the one binary: flags and signals are read here, and
// everything else happens in internal/app.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/prometheus/common/promslog"

	"github.com/apgarhq/apgar/internal/app"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitPartial  = 2 // evaluate, backtest: sources did not answer
	exitBadUsage = 80
)

// cli is the command line; each subcommand has a file of its own.
type cli struct {
	Log logFlags `embed:"" prefix:"log."`

	Demo     demoCommand     `cmd:"" help:"Run everything in one process on a synthetic fleet; nothing else is needed."`
	Serve    serveCommand    `cmd:"" help:"Run the service: collect, grade, and serve scorecards."`
	Evaluate evaluateCommand `cmd:"" help:"Grade one tick, now or in the past, from what the sources hold; print scorecards and why."`
	Backtest backtestCommand `cmd:"" help:"Grade the past by a changed rubric; tell who would lose a level, and what it costs."`
	Check    checkCommand    `cmd:"" help:"Find every mistake in a configuration, rubric or catalog, with its place."`
	Test     testCommand     `cmd:"" help:"Run unit tests of rubrics: series and a catalog in, scores and verdicts out."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of a kind of file, for editors."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

type logFlags struct {
	Level  string `default:"info" enum:"debug,info,warn,error" help:"Log messages of this level and above: debug, info, warn or error."`
	Format string `default:"logfmt" enum:"logfmt,json" help:"Format of log messages: logfmt or json."`
}

// process is what a command gets from the world.
type process struct {
	ctx      context.Context
	log      *slog.Logger
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run parses the command line, runs the command and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("apgar"),
		kong.Description("Apgar tells an organisation how healthy each of its services is, out of the Prometheus it already runs."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "apgar:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "apgar: %v; see apgar --help\n", err)
		return exitBadUsage
	}
	return report(command.Run(&process{ctx: ctx, log: c.Log.logger(stderr), out: stdout, err: stderr}), stderr)
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	// Kong has checked both values.
	_ = level.Set(f.Level)
	_ = format.Set(f.Format)
	return promslog.New(&promslog.Config{Level: level, Format: format, Writer: w})
}

// report prints an error and returns the exit code that it means.
func report(err error, stderr io.Writer) int {
	var partial *app.SourcesFailedError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, app.ErrMistakes), errors.Is(err, app.ErrTestsFailed):
		return exitFailed
	}
	_, _ = fmt.Fprintln(stderr, "apgar:", err)
	if errors.As(err, &partial) {
		return exitPartial
	}
	return exitFailed
}
