package catalog

import "testing"

func BenchmarkCondition(b *testing.B) {
	env, err := NewEnv()
	if err != nil {
		b.Fatal(err)
	}
	s := &Service{ID: ID{"default", "playlist"}, Owner: "team-listen", Tier: 1, Tags: []string{"go", "http"}, Links: map[string]string{"runbook": "https://x"}}
	for _, src := range []string{`"http" in service.tags`, `service.tier == 1`, `service.links["runbook"] != ""`, `service.owner != "" && service.tier > 0 && "runbook" in service.links`, `service.name.matches("^pl.*")`, `service.relations.exists(r, r.type == "dependsOn")`} {
		c, err := env.Condition(src)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(src, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Eval(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
