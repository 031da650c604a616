package promserver

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// selection is what series, labels and label values have in common: an open querier and the matchers of the request.
type selection struct {
	querier    storage.Querier
	start, end int64
	matchers   [][]*labels.Matcher
	limit      int
}

func (s *Server) selection(db Database, r *http.Request) (sel selection, err error) {
	start, err := timeParam(r, "start", earliest())
	if err != nil {
		return sel, err
	}
	end, err := timeParam(r, "end", latest())
	if err != nil {
		return sel, err
	}
	if sel.limit, err = countParam(r, "limit"); err != nil {
		return sel, err
	}
	if texts := r.Form["match[]"]; len(texts) > 0 {
		if sel.matchers, err = s.parser.ParseMetricSelectors(texts); err != nil {
			return sel, invalidParam("match[]", err)
		}
	}
	for _, set := range sel.matchers {
		if !slices.ContainsFunc(set, func(m *labels.Matcher) bool { return !m.Matches("") }) {
			return sel, invalidParam("match[]", errors.New("match[] must contain at least one non-empty matcher"))
		}
	}
	sel.start, sel.end = start.UnixMilli(), end.UnixMilli()
	if sel.querier, err = db.Queryable.Querier(sel.start, sel.end); err != nil {
		return sel, fmt.Errorf("opening the database %s: %w", db.Name, err)
	}
	return sel, nil
}

// close frees the querier; what it returned must have been copied or rendered.
func (s selection) close() { _ = s.querier.Close() } // it has only been read from

func (s *Server) series(db Database, r *http.Request) result {
	if len(r.Form["match[]"]) == 0 {
		return failed(badData, errors.New("no match[] parameter provided"))
	}
	sel, err := s.selection(db, r)
	if err != nil {
		return failed(badData, err)
	}
	hints := &storage.SelectHints{Start: sel.start, End: sel.end, Func: "series"}
	sets := make([]storage.SeriesSet, 0, len(sel.matchers))
	for _, matchers := range sel.matchers {
		sets = append(sets, sel.querier.Select(r.Context(), true, hints, matchers...))
	}
	merged := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	found := []labels.Labels{}
	warnings := merged.Warnings()
	for merged.Next() {
		if sel.limit > 0 && len(found) == sel.limit {
			warnings = warnings.Add(errTruncated)
			break
		}
		found = append(found, merged.At().Labels())
	}
	if err := merged.Err(); err != nil {
		sel.close()
		return failed(kindOf(err), err)
	}
	return result{data: found, warnings: warnings, close: sel.close}
}

func (s *Server) labelNames(db Database, r *http.Request) result {
	sel, err := s.selection(db, r)
	if err != nil {
		return failed(badData, err)
	}
	return sel.strings(func(matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return sel.querier.LabelNames(r.Context(), &storage.LabelHints{}, matchers...)
	})
}

func (s *Server) labelValues(db Database, r *http.Request) result {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return failed(badData, fmt.Errorf("invalid label name: %q", name))
	}
	sel, err := s.selection(db, r)
	if err != nil {
		return failed(badData, err)
	}
	return sel.strings(func(matchers ...*labels.Matcher) ([]string, annotations.Annotations, error) {
		return sel.querier.LabelValues(r.Context(), name, &storage.LabelHints{}, matchers...)
	})
}

// strings collects what read answers for each set of matchers, sorted, each string once.
func (s selection) strings(read func(...*labels.Matcher) ([]string, annotations.Annotations, error)) result {
	sets := s.matchers
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	found := []string{}
	var warnings annotations.Annotations
	for _, matchers := range sets {
		values, w, err := read(matchers...)
		if err != nil {
			s.close()
			return failed(kindOf(err), err)
		}
		found = append(found, values...)
		warnings.Merge(w)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if s.limit > 0 && len(found) > s.limit {
		found = found[:s.limit]
		warnings = warnings.Add(errTruncated)
	}
	return result{data: found, warnings: warnings, close: s.close}
}

// description is one entry of the metadata of a metric.
type description struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

func (s *Server) metadata(db Database, r *http.Request) result {
	limit, err := countParam(r, "limit")
	if err != nil {
		return failed(badData, err)
	}
	found := map[string][]description{}
	if db.Metadata == nil {
		return result{data: found}
	}
	for _, m := range db.Metadata() {
		if limit > 0 && len(found) == limit {
			break
		}
		if only := r.FormValue("metric"); only == "" || only == m.Name {
			found[m.Name] = []description{{Type: m.Type, Help: m.Help, Unit: m.Unit}}
		}
	}
	return result{data: found}
}

func unknownEndpoint(_ Database, r *http.Request) result {
	return failed(notFound, fmt.Errorf("the demo's Prometheus does not serve %s %s", r.Method, r.URL.Path))
}
