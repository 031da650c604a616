package waiver

import (
	"fmt"
	"testing"

	"github.com/apgarhq/apgar/catalog"
)

// BenchmarkOf finds the exemptions of a service among 1,000 waivers, of which
// 10 are selectors.
func BenchmarkOf(b *testing.B) {
	selector, err := environment(b).Condition(`service.tier == 4 && "legacy" in service.tags`)
	if err != nil {
		b.Fatal(err)
	}
	var waivers []Waiver
	for i := range 1000 {
		w := Waiver{ID: fmt.Sprint("w", i), Rubric: "http", Created: date(1), Expires: date(1 + i%80)}
		switch {
		case i < 10:
			w.Target.Selector = selector
		case i%2 == 0:
			w.Target.Owner = fmt.Sprint("team-", i)
		default:
			w.Target.Service = catalog.ID{Namespace: "default", Name: fmt.Sprint("service-", i)}
		}
		waivers = append(waivers, w)
	}
	set, service := NewSet(waivers...), playlist()
	b.ReportAllocs()
	for b.Loop() {
		set.Of(service)
	}
}
