package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/rubric"
)

// Review holds against each other what was loaded apart: the overrides,
// identities and packs of services against the rubrics, and the sources they name
// against those of the file. It also warns of what is accepted and has no
// effect, in this version or yet. Dates are compared with now.
func (c *Config) Review(rubrics []*rubric.Rubric, services []*catalog.Service, now time.Time) []catalog.Problem {
	problems := append(rubric.CheckOverrides(rubrics, services), rubric.CheckPacks(c.Rubrics.Packs, services)...)
	problems = append(problems, identityErrors(rubrics, services)...)
	problems = append(problems, c.unknownSources(services)...)
	for _, r := range rubrics {
		if r.EffectiveFrom.After(now) {
			problems = append(problems, catalog.Problem{Position: r.Position, Warning: true, Message: fmt.Sprintf(
				"rubric %s counts from %s on, as its effective_from says: until then it is graded and shown like a draft", r.Name, r.EffectiveFrom.Format(time.RFC3339))})
		}
	}
	catalog.Problems(problems).Sort()
	return problems
}

// ReviewAll is Review of all rubrics that are loaded: it also warns of what is
// meant for others.
func (c *Config) ReviewAll(rubrics []*rubric.Rubric, services []*catalog.Service, now time.Time) []catalog.Problem {
	problems := append(c.Review(rubrics, services, now), rubric.CheckOverridden(rubrics, services)...)
	catalog.Problems(problems).Sort()
	return problems
}

// identityErrors returns why services cannot be identified by what the rubrics
// use, at the place of the service.
func identityErrors(rubrics []*rubric.Rubric, services []*catalog.Service) []catalog.Problem {
	var identities []*rubric.Identity
	for _, r := range rubrics {
		for _, check := range r.Checks {
			for _, id := range check.Identities {
				if !slices.Contains(identities, id) {
					identities = append(identities, id)
				}
			}
		}
	}
	var problems []catalog.Problem
	for _, id := range identities {
		for _, s := range services {
			for _, err := range id.Index([]*catalog.Service{s}).Errors() {
				problems = append(problems, catalog.Problem{Position: s.Position, Message: err.Error()})
			}
		}
	}
	return problems
}

// unknownSources warns of expected sources that the file does not have. Where
// a source has a partition label, an expected name may be one of its values,
// which only the source knows.
func (c *Config) unknownSources(services []*catalog.Service) []catalog.Problem {
	if slices.ContainsFunc(c.Sources, func(src Source) bool { return src.PartitionLabel != "" }) {
		return nil
	}
	known := make([]string, len(c.Sources))
	for i, src := range c.Sources {
		known[i] = src.Name
	}
	return UnknownSources(known, services)
}

// UnknownSources warns of expected sources that are not among those known.
func UnknownSources(known []string, services []*catalog.Service) []catalog.Problem {
	var problems []catalog.Problem
	for _, s := range services {
		for name := range strings.SplitSeq(s.Annotations[catalog.AnnotationSources], ",") {
			if name = strings.TrimSpace(name); name == "" || slices.Contains(known, name) {
				continue
			}
			problems = append(problems, catalog.Problem{Position: s.Position, Warning: true, Message: fmt.Sprintf(
				"the annotation %s of service %s names %q, which is no source: there are %s", catalog.AnnotationSources, s.ID, strict.Clip(name), strings.Join(known, ", "))})
		}
	}
	return problems
}
