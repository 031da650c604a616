package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/internal/config"
	"github.com/apgarhq/apgar/internal/rubrictest"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/scorecard"
	"github.com/apgarhq/apgar/slo"
)

// ErrMistakes says that mistakes were found, and printed.
var ErrMistakes = errors.New("there are mistakes")

// CheckOptions are those of the check commands.
type CheckOptions struct {
	ConfigFile string // gives identities to check rubrics by; "" for the built-in ones
	Files      []string
	// Online also asks the sources of ConfigFile: do the metrics exist, do the
	// bounds, whom do the rows name, and what does it cost?
	Online bool
	Logger *slog.Logger
	Out    io.Writer
}

// CheckConfig checks configurations and all that they name.
func CheckConfig(ctx context.Context, o CheckOptions) error {
	var problems catalog.Problems
	for _, path := range o.Files {
		found, err := o.checkConfig(ctx, path)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	return o.report(problems)
}

// checkConfig checks one configuration: the file, what it names, and whether
// its sources could be connected to.
func (o CheckOptions) checkConfig(ctx context.Context, path string) (catalog.Problems, error) {
	cfg, problems := config.Load(path)
	if cfg == nil || catalog.Problems(problems).HasErrors() {
		return problems, nil
	}
	env, err := catalog.NewEnv()
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	rubrics, found := cfg.LoadRubrics(env)
	problems = append(problems, found...)
	snapshot, found := cfg.LoadCatalog()
	problems = append(problems, found...)
	waivers, found := cfg.LoadWaivers(env)
	problems = append(problems, found...)
	now := time.Now()
	problems = append(problems, cfg.ReviewAll(rubrics, snapshot.Services(), now)...)
	problems = append(problems, config.ReviewWaivers(waivers, rubrics, snapshot.Services(), now)...)
	s := &setup{config: cfg}
	if len(cfg.Sources) == 0 && cfg.Redis != nil {
		problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Warning: true, Message: "there is no source: this is enough for serve --target=api, and for nothing else"})
	} else if err := s.connect(nil, slog.New(slog.DiscardHandler)); err != nil {
		problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Message: strings.TrimPrefix(err.Error(), path+": ")})
	}
	s.close()
	exempted := ""
	if len(cfg.Rubrics.Waivers) > 0 {
		exempted = fmt.Sprintf(", %d waivers", waivers.Len())
	}
	say(o.Out, "%s: %d sources, %d services, %d rubrics%s", path, len(cfg.Sources), snapshot.Len(), len(rubrics), exempted)
	if o.Online && !catalog.Problems(problems).HasErrors() {
		o.ConfigFile = path
		return problems, o.probe(ctx, rubrics)
	}
	return problems, nil
}

// CheckCatalog checks catalog files, folders and globs.
func CheckCatalog(o CheckOptions) error {
	docs, problems := file.Load(o.Files, "")
	snapshot, found := catalog.Merge(docs...)
	say(o.Out, "%d services, %d other entities", snapshot.Len(), len(snapshot.Entities()))
	return o.report(append(problems, found...))
}

// CheckRubrics checks rubric files, or the embedded packs when there are
// none, and prints the burn table in effect for every objective. Files of tests
// among them are checked as such, and not run.
func CheckRubrics(ctx context.Context, o CheckOptions) error {
	if o.Online && o.ConfigFile == "" {
		return errors.New("--online asks the sources of a configuration: name it with --config.file")
	}
	env, err := catalog.NewEnv()
	if err != nil {
		return fmt.Errorf("preparing CEL: %w", err)
	}
	identities, problems, err := o.identities(env)
	if err != nil {
		return err
	}
	files, found := o.rubricFiles()
	problems = append(problems, found...)
	rubrics, found := rubric.Load(env, identities, files...)
	for _, r := range rubrics {
		describeRubric(o.Out, r)
	}
	if err := o.report(append(problems, found...)); err != nil || !o.Online {
		return err
	}
	return o.probe(ctx, rubrics)
}

func (o CheckOptions) identities(env *catalog.Env) (map[string]*rubric.Identity, []catalog.Problem, error) {
	if o.ConfigFile == "" {
		identities, err := rubric.BuiltinIdentities(env)
		return identities, nil, err
	}
	cfg, problems := config.Load(o.ConfigFile)
	if err := failed(problems); err != nil {
		return nil, nil, err
	}
	identities, problems := cfg.LoadIdentities(env)
	return identities, problems, nil
}

func (o CheckOptions) rubricFiles() ([]rubric.File, []catalog.Problem) {
	var files []rubric.File
	var problems []catalog.Problem
	if len(o.Files) == 0 {
		for _, name := range rubric.Packs() {
			if f, ok := rubric.PackFile(name); ok {
				files = append(files, f)
			}
		}
	}
	for _, path := range o.Files {
		if rubric.IsTestFile(path) {
			_, found := rubrictest.Load(path)
			problems = append(problems, found...)
			continue
		}
		data, err := file.Read(path)
		if err != nil {
			problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Message: err.Error()})
			continue
		}
		files = append(files, rubric.File{Name: path, Data: data})
	}
	return files, problems
}

func describeRubric(out io.Writer, r *rubric.Rubric) {
	say(out, "%s: rubric %s, version %s, %d checks", r.Position.File, r.Name, r.Version, len(r.Checks))
	for _, check := range r.Checks {
		if check.Objective == 0 {
			continue
		}
		say(out, "  %s: objective %g %% over %s", check.Name, 100*check.Objective, scorecard.FormatDuration(check.Period))
		for _, pair := range slo.BurnTable(check.Period, check.Objective) {
			kind := "ticket"
			if pair.Page {
				kind = "page"
			}
			say(out, "    %-6s  while %s and %s burn at %.3g or more", kind, scorecard.FormatDuration(pair.Long), scorecard.FormatDuration(pair.Short), pair.Factor)
		}
	}
}

// report prints the mistakes and says whether there are any.
func (o CheckOptions) report(problems catalog.Problems) error {
	problems.Sort()
	mistakes := 0
	for _, p := range problems {
		if p.Warning {
			say(o.Out, "%s: warning: %s", p.Position, p.Message)
			continue
		}
		mistakes++
		say(o.Out, "%s: %s", p.Position, p.Message)
	}
	switch mistakes {
	case 0:
		return nil
	case 1:
		say(o.Out, "1 mistake")
	default:
		say(o.Out, "%d mistakes", mistakes)
	}
	return ErrMistakes
}
