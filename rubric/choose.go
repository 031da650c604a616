package rubric

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apgarhq/apgar/catalog"
	"github.com/apgarhq/apgar/catalog/strict"
)

// Choose reports whether a rubric may grade a service as far as the choice of
// packs goes, and whether it has to be detected first: a row of one of its checks
// has to be seen. Packs are the names of all that there are.
//
// A rubric that needs no detection grades every service. Otherwise a service
// whose annotation apgar.dev/packs names packs is graded by those, without
// detection, and by no other. Names of packs that there are not are left out; an
// annotation with no other names is none.
func (r *Rubric) Choose(s *catalog.Service, packs []string) (grades, detect bool) {
	if !r.Detect {
		return true, false
	}
	chosen := slices.DeleteFunc(namedPacks(s), func(name string) bool { return !slices.Contains(packs, name) })
	if len(chosen) == 0 {
		return true, true
	}
	return slices.Contains(chosen, r.Name), false
}

// PackNames returns the names of the packs that are shipped and of those among
// some rubrics.
func PackNames(rubrics []*Rubric) []string {
	names := Packs()
	for _, r := range rubrics {
		if r.Pack && !slices.Contains(names, r.Name) {
			names = append(names, r.Name)
		}
	}
	return names
}

// CheckPacks warns of packs that services name and that are not among those that
// are loaded, at the place of the service.
func CheckPacks(loaded []string, services []*catalog.Service) []catalog.Problem {
	var problems []catalog.Problem
	for _, s := range services {
		for _, name := range namedPacks(s) {
			if slices.Contains(loaded, name) {
				continue
			}
			problems = append(problems, catalog.Problem{Position: s.Position, Warning: true, Message: fmt.Sprintf(
				"the annotation %s of service %s names %q, which is left out: %s", catalog.AnnotationPacks, s.ID, strict.Clip(name), noPack(name, loaded))})
		}
	}
	return problems
}

// noPack explains why a name is none of the packs.
func noPack(name string, packs []string) string {
	if slices.Contains(Packs(), name) {
		return "rubrics.packs of the configuration does not have that pack: add it, or write auto for all packs"
	}
	near := ""
	if nearest := strict.Nearest(name, packs); nearest != "" {
		near = fmt.Sprintf("did you mean %q? ", nearest)
	}
	if len(packs) == 0 {
		return near + "no packs are loaded: name them under rubrics.packs of the configuration"
	}
	return near + "the packs that are loaded are " + strings.Join(packs, ", ")
}

// namedPacks returns the packs that a service names in its annotation.
func namedPacks(s *catalog.Service) []string {
	var names []string
	for name := range strings.SplitSeq(s.Annotations[catalog.AnnotationPacks], ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
