package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/apgarhq/apgar/collector/gather"
	"github.com/apgarhq/apgar/rubric"
)

// probe asks every query of the rubrics once and prints what came back. It
// returns ErrMistakes when a source did not answer one, or when no service
// has a row anywhere.
func (o CheckOptions) probe(ctx context.Context, rubrics []*rubric.Rubric) error {
	s, err := load(o.ConfigFile, o.Logger)
	if err != nil {
		return err
	}
	defer s.close()
	s.rubrics = rubrics
	plan, err := s.plan(nil)
	if err != nil {
		return err
	}
	return o.printProbes(gather.ProbeSources(ctx, plan, s.sources, s.newestTick()))
}

func (o CheckOptions) printProbes(probes []gather.Probe) error {
	w := tabwriter.NewWriter(o.Out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "source\tserves\tservices\tunmatched rows\tsamples\ttook\tquery in effect")
	var faults []string
	found := map[string]int{} // services, by what queries serve
	for _, p := range probes {
		serves := serves(p)
		if !p.Births && len(p.Checks) > 0 {
			found[serves] += p.Services
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n", p.Source, serves, p.Services, p.Unmatched, p.Samples, p.Duration.Round(time.Millisecond/10), p.Expr)
		for _, f := range p.Faults {
			faults = append(faults, fmt.Sprintf("%s: %s: %s", p.Source, serves, f))
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("printing what the sources answered: %w", err)
	}
	if slices.ContainsFunc(probes, func(p gather.Probe) bool { return p.Births || p.Scrapes }) {
		say(o.Out, "Births are asked for once in five minutes, scrapes once an hour, the rest at every tick or at the interval of the check.")
	}
	for _, p := range probes {
		serves := serves(p)
		if n, ok := found[serves]; ok && n == 0 {
			faults = append(faults, serves+": no source has a row for any service: is the metric's name right, and the identity?")
			delete(found, serves)
		}
	}
	for _, f := range faults {
		say(o.Out, "%s", f)
	}
	if len(faults) > 0 {
		return ErrMistakes
	}
	return nil
}

// serves says what a query is asked for.
func serves(p gather.Probe) string {
	switch checks := strings.Join(p.Checks, ", "); {
	case p.Scrapes:
		return "(scrapes)"
	case checks == "":
		return "(targets)"
	case p.Births:
		return checks + " (births)"
	default:
		return checks
	}
}
