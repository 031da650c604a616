package catalog

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/apgarhq/apgar/internal/golden"
)

var update = flag.Bool("update", false, "write the golden files anew")

const archives = "testdata/problems/*.txtar"

// TestProblems holds what Parse and Merge say about bad files against the
// golden files: input.yml is parsed, "problems" is every message, in order, and
// "loads" what is left.
func TestProblems(t *testing.T) {
	golden.Archives(t, archives, *update, func(_ *testing.T, inputs []txtar.File) map[string]string {
		var docs []Document
		var problems, loads strings.Builder
		for _, f := range inputs {
			doc, found := Parse(f.Name, f.Data)
			docs = append(docs, doc)
			printProblems(&problems, found)
		}
		snapshot, found := Merge(docs...)
		printProblems(&problems, found)
		for _, s := range snapshot.Services() {
			fmt.Fprintf(&loads, "service %s tier=%d owner=%s system=%s domain=%s links=%v relations=%v\n",
				s.ID, s.Tier, s.Owner, s.System, s.Domain, s.Links, s.Relations)
		}
		for _, e := range snapshot.Entities() {
			fmt.Fprintf(&loads, "%s %s owner=%s domain=%s parent=%s relations=%v\n", e.Kind, e.ID, e.Owner, e.Domain, e.Parent, e.Relations)
		}
		return map[string]string{"problems": problems.String(), "loads": loads.String()}
	})
}

func printProblems(out *strings.Builder, problems []Problem) {
	for _, p := range problems {
		fmt.Fprintln(out, p.Error())
	}
}
