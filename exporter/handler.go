package exporter

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"weak"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/apgarhq/apgar/scorecard"
)

// The encodings that pages are kept in. The two versions of OpenMetrics that
// scrapers ask for do not differ for gauges.
const (
	textPage = iota
	openMetricsPage
	formats
)

// Handler returns the handler of the page, for GET and HEAD. A page is encoded
// once per snapshot and format, and kept compressed: scrapers that cannot
// unzip are the rare case.
func (e *Exporter) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page of scorecard metrics can only be read: use GET", http.StatusMethodNotAllowed)
			return
		}
		format := expfmt.NegotiateAccept(r.Header, expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1)
		body, err := e.page(format)
		if err != nil {
			e.logger.Error("The page of scorecard metrics could not be made.", "error", err)
			http.Error(w, "the page of scorecard metrics could not be made; the log says why", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", string(format))
		h.Set("Vary", "Accept, Accept-Encoding")
		serve(w, r, body)
	})
}

// serve writes a gzipped body in the encoding that the client takes.
func serve(w http.ResponseWriter, r *http.Request, gzipped []byte) {
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(gzipped)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(gzipped) // a client that has gone away is its own business
		}
		return
	}
	if r.Method == http.MethodHead {
		return
	}
	plain, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err == nil {
		_, _ = io.Copy(w, plain) // as above: the body itself is our own and whole
	}
}

// page returns the gzipped page of the newest snapshot in a format. The bytes
// are shared and must not be changed.
func (e *Exporter) page(format expfmt.Format) ([]byte, error) {
	kind := textPage
	if format.FormatType() == expfmt.TypeOpenMetrics {
		kind = openMetricsPage
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.snapshot()
	p := &e.pages[kind]
	if p.gzipped == nil || p.of != weak.Make(s) {
		gzipped, err := e.encode(s, kind)
		if err != nil {
			return nil, fmt.Errorf("encode the metrics of the newest scorecards as %s: %w", format, err)
		}
		*p = page{of: weak.Make(s), gzipped: gzipped}
	}
	return p.gzipped, nil
}

// encode makes a page. The caller holds mu.
func (e *Exporter) encode(s *scorecard.Snapshot, kind int) ([]byte, error) {
	var page bytes.Buffer
	zip, err := gzip.NewWriterLevel(&page, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(zip, 64<<10)
	// All names are plain, so that the scrapers' choice of an escaping of
	// names makes no difference.
	err = e.gather(s, func(f *dto.MetricFamily) error {
		if kind == openMetricsPage {
			_, err := expfmt.MetricFamilyToOpenMetrics(w, f)
			return err
		}
		_, err := expfmt.MetricFamilyToText(w, f)
		return err
	})
	if err == nil && kind == openMetricsPage {
		_, err = expfmt.FinalizeOpenMetrics(w)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}
