package config

import (
	"time"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/rubric"
	"github.com/apgarhq/apgar/waiver"
)

// LoadWaivers reads the waiver files that the file names. A waiver with a
// mistake is left out and reported; the rest loads. A glob that matches nothing
// is a warning only: the last waiver of a folder may be taken away. The set is
// never nil.
func (c *Config) LoadWaivers(env *catalog.Env) (*waiver.Set, []catalog.Problem) {
	paths, problems := file.ExpandOptional(c.Rubrics.Waivers, c.Dir)
	problems = c.located(problems)
	var files []waiver.File
	for _, path := range paths {
		data, err := file.Read(path)
		if err != nil {
			problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Message: err.Error()})
			continue
		}
		files = append(files, waiver.File{Name: path, Data: data})
	}
	set, found := waiver.Load(env, files...)
	return set, append(problems, found...)
}

// ReviewWaivers holds waivers against the rubrics and services that are graded
// at a time, as waiver.Set.Review does.
func ReviewWaivers(set *waiver.Set, rubrics []*rubric.Rubric, services []*catalog.Service, now time.Time) []catalog.Problem {
	return set.Review(WaiverScope(rubrics, services), now)
}

// WaiverScope is what waivers are held against where these are graded.
func WaiverScope(rubrics []*rubric.Rubric, services []*catalog.Service) waiver.Scope {
	scope := waiver.Scope{Rubrics: make(map[string][]string, len(rubrics)), Services: services}
	for _, r := range rubrics {
		for _, check := range r.Checks {
			scope.Rubrics[r.Name] = append(scope.Rubrics[r.Name], check.Name)
		}
	}
	return scope
}
