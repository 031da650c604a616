package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/file"
	"github.com/apgarhq/apgar/catalog/strict"
	"github.com/apgarhq/apgar/rubric"
)

// auto in the list of packs stands for all of them, each where it is detected.
const auto = "auto"

func (r *reader) packs(c *strict.Map) {
	known := rubric.Packs()
	texts := c.Texts("packs")
	for _, t := range texts {
		switch {
		case t.Value == auto && len(texts) > 1:
			c.Mistake(t.Line, "packs has auto beside other names: auto stands for all packs, so write it alone")
		case t.Value == auto:
			r.out.Rubrics.Auto = true
			r.out.Rubrics.Packs = known
		case !slices.Contains(known, t.Value):
			hint := "there are " + strings.Join(known, ", ") + ", and auto for all of them"
			if near := strict.Nearest(t.Value, known); near != "" {
				hint = fmt.Sprintf("did you mean %q? %s", near, hint)
			}
			c.Mistake(t.Line, "there is no pack %q: %s", strict.Clip(t.Value), hint)
		case slices.Contains(r.out.Rubrics.Packs, t.Value):
			c.Mistake(t.Line, "pack %q is given twice: remove one of them", t.Value)
		default:
			r.out.Rubrics.Packs = append(r.out.Rubrics.Packs, t.Value)
		}
	}
}

// LoadIdentities returns the built-in identities and those of the file, by
// name. One of the file stands before a built-in one of the same name.
func (c *Config) LoadIdentities(env *catalog.Env) (map[string]*rubric.Identity, []catalog.Problem) {
	out, err := rubric.BuiltinIdentities(env)
	if err != nil {
		return nil, []catalog.Problem{{Position: catalog.Position{File: c.Path}, Message: err.Error()}}
	}
	var problems []catalog.Problem
	for _, spec := range c.Identities {
		id, found := rubric.NewIdentity(env, spec)
		problems = append(problems, found...)
		if id != nil {
			out[spec.Name] = id
		}
	}
	return out, problems
}

// LoadRubrics reads the packs and rubric files that the file names: packs
// first, which are to be detected if the file says auto, then files in their
// order. Files of tests beside them are not read.
// What has a mistake is left out and reported; the rest loads.
func (c *Config) LoadRubrics(env *catalog.Env) ([]*rubric.Rubric, []catalog.Problem) {
	identities, problems := c.LoadIdentities(env)
	var files []rubric.File
	for _, name := range c.Rubrics.Packs {
		if f, ok := rubric.PackFile(name); ok {
			f.Detect = c.Rubrics.Auto
			files = append(files, f)
		}
	}
	paths, found := file.Expand(c.Rubrics.Files, c.Dir)
	problems = append(problems, c.located(found)...)
	for _, path := range paths {
		if rubric.IsTestFile(path) {
			continue
		}
		data, err := file.Read(path)
		if err != nil {
			problems = append(problems, catalog.Problem{Position: catalog.Position{File: path}, Message: err.Error()})
			continue
		}
		files = append(files, rubric.File{Name: path, Data: data})
	}
	rubrics, found := rubric.Load(env, identities, files...)
	problems = append(problems, found...)
	rubrics, found = c.onTick(rubrics)
	return rubrics, append(problems, found...)
}

// onTick leaves out rubrics with a check that the evaluation interval cannot
// keep to.
func (c *Config) onTick(rubrics []*rubric.Rubric) ([]*rubric.Rubric, []catalog.Problem) {
	var kept []*rubric.Rubric
	var problems []catalog.Problem
	tick := c.Global.EvaluationInterval
	for _, r := range rubrics {
		sound := true
		for _, check := range r.Checks {
			if check.Interval%tick != 0 {
				sound = false
				problems = append(problems, catalog.Problem{
					Position: check.Position,
					Message: fmt.Sprintf("interval of check %q is %s, but must be a multiple of the evaluation_interval %s",
						check.Name, model.Duration(check.Interval), model.Duration(tick)),
				})
			}
		}
		if sound {
			kept = append(kept, r)
		}
	}
	return kept, problems
}

// LoadCatalog reads the catalog files that the file names. The snapshot holds
// whatever is sound, and is empty rather than nil.
func (c *Config) LoadCatalog() (*catalog.Snapshot, []catalog.Problem) {
	paths, problems := file.Expand(c.Catalog.Files, c.Dir)
	problems = c.located(problems)
	docs, found := file.LoadPaths(paths)
	problems = append(problems, found...)
	snapshot, found := catalog.Merge(docs...)
	return snapshot, append(problems, found...)
}
