package scraping

import (
	"errors"
	"fmt"
	"io"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
)

// intake takes one scrape's samples into the storage.
type intake struct {
	*loop
	tally
	appender storage.AppenderV2
	at       int64 // milliseconds since 1970
	untimely int   // samples that the storage refused for their time
}

// take parses what the target exposed and appends it. An error means that all of it is to be discarded.
func (in *intake) take(body []byte, contentType string) error {
	if len(body) == 0 {
		return nil
	}
	parser, err := textparse.New(body, contentType, nil, textparse.ParserOptions{IgnoreNativeHistograms: true})
	if parser == nil {
		return fmt.Errorf("choosing how to read the metrics of %s: %w", in.target.Path, err)
	}
	for {
		entry, err := parser.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the metrics of %s after %d samples: %w", in.target.Path, in.exposed, err)
		}
		switch entry {
		case textparse.EntryType, textparse.EntryHelp, textparse.EntryUnit:
			in.families.note(entry, parser)
		case textparse.EntrySeries:
			if err := in.takeSample(parser); err != nil {
				return fmt.Errorf("taking sample %d of %s: %w", in.exposed, in.target.Path, err)
			}
		}
	}
}

func (in *intake) takeSample(parser textparse.Parser) error {
	in.exposed++
	text, given, v := parser.Series()
	s, known := in.series.find(text)
	if !known {
		var set labels.Labels
		parser.Labels(&set)
		merged, err := in.merge(set)
		if err != nil {
			return err
		}
		s = &sampled{labels: merged}
	}
	at := in.at
	if given != nil {
		at = *given
	}
	var err error
	if given == nil && s.round == in.series.round {
		err = storage.ErrDuplicateSampleForTimestamp
	} else {
		err = in.append(s, at, v)
	}
	in.taken++
	if isUntimely(err) {
		in.untimely++
		return nil
	}
	if err != nil {
		return fmt.Errorf("storing %s: %w", s.labels, err)
	}
	if !known {
		in.series.add(string(text), s)
		in.added++
	}
	s.round, s.dated = in.series.round, given != nil
	return nil
}

// merge adds the target's labels to those of a sample.
func (in *intake) merge(exposed labels.Labels) (labels.Labels, error) {
	merged := mergeLabels(exposed, in.labels)
	switch {
	case !merged.Has(labels.MetricName):
		return merged, fmt.Errorf("the sample %s has no name", exposed)
	case !merged.IsValid(model.UTF8Validation):
		return merged, fmt.Errorf("the sample %s has an invalid name or label", exposed)
	default:
		return merged, nil
	}
}

// finish marks series that were in the previous scrape and are not in this one stale, and forgets them.
func (in *intake) finish() error {
	if in.untimely > 0 {
		in.pool.logger.Warn("Samples of a demo scrape were dropped: they repeat others, or their time is out of order or bounds.",
			"path", in.target.Path, "samples", in.untimely)
	}
	in.families.finish()
	return in.series.sweep(func(s *sampled) error { return in.markStale(s) })
}

// markAllStale marks every series of the previous scrape stale. They are remembered, as the target may come back.
func (in *intake) markAllStale() error {
	return in.series.silence(func(s *sampled) error { return in.markStale(s) })
}

// markStale appends the marker, unless the series has a newer sample already.
func (in *intake) markStale(s *sampled) error {
	if err := in.append(s, in.at, staleMarker()); err != nil && !isUntimely(err) {
		return fmt.Errorf("marking %s stale: %w", s.labels, err)
	}
	return nil
}
