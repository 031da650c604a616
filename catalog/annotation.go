package catalog

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/apgarhq/apgar/catalog/strict"
)

// The annotations that Apgar reads. Every one starts with AnnotationPrefix.
const (
	AnnotationPrefix = "apgar.dev/"
	// AnnotationService names the service in series: the value of the label
	// `service` of the identity `service`.
	AnnotationService = AnnotationPrefix + "service"
	// AnnotationIdentity, followed by a label name, is that label's value in
	// every identity.
	AnnotationIdentity = AnnotationPrefix + "identity."
	// AnnotationSources lists, separated by commas, the sources in which the
	// service is expected.
	AnnotationSources = AnnotationPrefix + "sources"
	// AnnotationPacks lists, separated by commas, the packs for the service.
	AnnotationPacks = AnnotationPrefix + "packs"

	annotationTier = AnnotationPrefix + "tier"
)

var (
	labelPattern    = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	namesPattern    = regexp.MustCompile(`^[a-z0-9-]{1,63}( *, *[a-z0-9-]{1,63})*$`)
	overridePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}\.[a-z0-9][a-z0-9-]{0,62}\.[a-z_]+$`)
)

// checkAnnotation returns what is wrong with an annotation of ours, or "".
// Annotations of others are none of our business.
func checkAnnotation(key, value string) string {
	name, ours := strings.CutPrefix(key, AnnotationPrefix)
	if !ours || key == annotationTier {
		return ""
	}
	if strings.TrimSpace(value) == "" {
		return fmt.Sprintf("the annotation %s is empty and left out: give it a value or remove it", strict.Clip(key))
	}
	if label, ok := strings.CutPrefix(key, AnnotationIdentity); ok {
		if !labelPattern.MatchString(label) {
			return fmt.Sprintf("the annotation %s is left out: what follows \"identity.\" must be a label name", strict.Clip(key))
		}
		return ""
	}
	switch key {
	case AnnotationService:
		return ""
	case AnnotationSources, AnnotationPacks:
		if !namesPattern.MatchString(value) {
			return fmt.Sprintf("the annotation %s is left out: write names separated by commas, e.g. \"eu-west,us-east\"", key)
		}
		return ""
	}
	if overridePattern.MatchString(name) {
		return ""
	}
	hint := "there"
	if near := strict.Nearest(name, []string{"packs", "service", "sources", "tier"}); near != "" {
		hint = fmt.Sprintf("did you mean %q? There", AnnotationPrefix+near)
	}
	return fmt.Sprintf("the annotation %s is not known and left out: %s are tier, service, identity.<label>, sources, packs and <rubric>.<check>.<field>", strict.Clip(key), hint)
}
