package scraping

import (
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// series are those that a target exposes, by the text that it exposes them with: so the labels of a series are built
// once, and a scrape of known series builds none.
type series struct {
	round  uint64 // counts the scrapes
	byText map[string]*sampled
}

// sampled is one series as the storage knows it.
type sampled struct {
	ref    storage.SeriesRef // 0 before the first sample
	labels labels.Labels
	round  uint64 // the last scrape that exposed it
	dated  bool   // the target gave the time of the sample itself: such a series is never marked stale
	fresh  bool   // stored by the previous scrape, so a marker must follow if it is gone
}

func (s *series) find(text []byte) (*sampled, bool) {
	found, ok := s.byText[string(text)]
	return found, ok
}

func (s *series) add(text string, one *sampled) {
	if s.byText == nil {
		s.byText = map[string]*sampled{}
	}
	s.byText[text] = one
}

// sweep ends a scrape that went well: it forgets the series that were not exposed, after telling gone about those that
// the scrape before had.
func (s *series) sweep(gone func(*sampled) error) error {
	for text, one := range s.byText {
		if one.round == s.round {
			one.fresh = !one.dated
			continue
		}
		if one.fresh {
			if err := gone(one); err != nil {
				return err
			}
		}
		delete(s.byText, text)
	}
	return nil
}

// silence ends a scrape that failed: it tells gone about every series that the scrape before had, and forgets none.
func (s *series) silence(gone func(*sampled) error) error {
	for _, one := range s.byText {
		if !one.fresh {
			continue
		}
		if err := gone(one); err != nil {
			return err
		}
		one.fresh = false
	}
	return nil
}
