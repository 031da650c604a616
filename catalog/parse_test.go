package catalog

import "testing"

func TestScratch(t *testing.T) {
	d, ps := Parse("a.yml", []byte(`apiVersion: apgar.dev/v1
services:
  - {name: Playlist, title: Playlists, owner: team-listen, system: library, tier: 1, lifecycle: production, type: service, tags: [http], labels: {}, annotations: {apgar.dev/tier: "2", apgar.dev/teir: "1"}, links: {runbook: "https://x", bad: "javascript:alert(1)"}, depends_on: [default/tracks]}
  - {name: x, tire: 3}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: Search, tags: [http], links: [{url: "https://a", title: Runbook}], annotations: {apgar.dev/tier: "9"}}
spec: {owner: group:default/team-a, type: service}
--- 
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: Lyrics, tags: [http], links: [{url: "https://a", title: Runbook}], annotations: {apgar.dev/tier: "3"}}
spec: {owner: group:default/team-a, type: service, system: library}
---
a: [
---
apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: library}
spec: {owner: team-a, domain: music}
`))
	for _, p := range ps {
		t.Log(p)
	}
	s, ps := Merge(d)
	for _, p := range ps {
		t.Log(p)
	}
	for _, x := range s.Services() {
		t.Logf("%+v", *x)
	}
	env, _ := NewEnv()
	for _, src := range []string{"service.foo", "svc.name", "service.name == 1", "service.owner", "service.tags[", "service.labels == {}", "has(service.links.runbook)", `service.links["zz"] == "" && !has(service.links.zz) && !("zz" in service.links) && service.links.all(k, k != "") && size(service.links) == 1`} {
		c, err := env.Condition(src)
		if err != nil {
			t.Log(src, "=>", err)
			continue
		}
		b, err := c.Eval(s.Services()[1])
		t.Log(src, b, err)
	}
}
