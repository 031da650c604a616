package scraping

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// targetLabels returns the labels that a target gives its series; reserved ones, which begin with __, and empty ones are
// left out.
func targetLabels(t Target) labels.Labels {
	b := labels.NewBuilder(labels.EmptyLabels())
	for name, value := range t.Labels {
		if !strings.HasPrefix(name, model.ReservedLabelPrefix) {
			b.Set(name, value)
		}
	}
	return b.Labels()
}

// mergeLabels gives a sample the target's labels. A label of the sample that has the name of one of the target's is
// renamed: exported_ is put before it until the name is free. Shorter names choose first.
func mergeLabels(exposed, target labels.Labels) labels.Labels {
	b := labels.NewBuilder(exposed)
	var displaced []labels.Label
	target.Range(func(l labels.Label) {
		if own := exposed.Get(l.Name); own != "" {
			displaced = append(displaced, labels.Label{Name: l.Name, Value: own})
		}
		b.Set(l.Name, l.Value)
	})
	slices.SortStableFunc(displaced, func(a, b labels.Label) int { return cmp.Compare(len(a.Name), len(b.Name)) })
	for _, l := range displaced {
		name := model.ExportedLabelPrefix + l.Name
		for b.Get(name) != "" {
			name = model.ExportedLabelPrefix + name
		}
		b.Set(name, l.Value)
	}
	return b.Labels()
}
