package rubric

import (
	"testing"
	"time"

	"github.com/apgarhq/apgar/catalog"
)

func TestScratch(t *testing.T) {
	env, err := catalog.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := BuiltinIdentities(env)
	if err != nil {
		t.Fatal(err)
	}
	f, _ := PackFile("http")
	rs, ps := Load(env, ids, f)
	for _, p := range ps {
		t.Log(p)
	}
	for _, r := range rs {
		t.Logf("%+v", r)
		for _, c := range r.Checks {
			t.Logf("%+v", c)
			if c.Value != nil {
				t.Log(c.Value.Render([]string{"service"}, []string{"cluster"}, 10*time.Minute))
			}
		}
	}
	t.Log(ids["job"].RenderPresence(nil))
}
