package collector

import "github.com/apgarhq/apgar/slo"

// faultLog lists what sources did not answer, each text once for a source. A
// nil log hears nothing.
type faultLog struct {
	bySource map[string][]string
	heard    map[[2]string]bool
}

func newFaultLog() *faultLog {
	return &faultLog{bySource: map[string][]string{}, heard: map[[2]string]bool{}}
}

func (l *faultLog) add(source, detail string) {
	if key := [2]string{source, detail}; !l.heard[key] {
		l.heard[key] = true
		l.bySource[source] = append(l.bySource[source], detail)
	}
}

// note takes in the faults of the blocks about one instant, one for each
// source; nil is a source that has not answered.
func (l *faultLog) note(sources []string, blocks []*slo.Block) {
	if l == nil {
		return
	}
	for i, b := range blocks {
		source := sources[i]
		if b == nil {
			l.add(source, "no answer in time")
			continue
		}
		if b.Slow.All() {
			l.add(source, b.Slow.Detail)
		}
		for j := range b.Columns {
			if f := slo.Graver(b.Columns[j].Fault, b.Columns[j].BirthFault); f != nil {
				l.add(source, f.Detail)
			}
		}
		for j := range b.Targets {
			if f := b.Targets[j].Fault; f != nil {
				l.add(source, f.Detail)
			}
		}
	}
}
