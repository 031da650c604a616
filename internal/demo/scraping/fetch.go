package scraping

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// accepted are the formats in the order in which Prometheus prefers them.
const accepted = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7," +
	"application/openmetrics-text;version=0.0.1;q=0.6," +
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5," +
	"text/plain;version=0.0.4;q=0.4," +
	"*/*;q=0.3"

// fetch reads what the target exposes into the buffer, and returns its content type.
func (p *Pool) fetch(ctx context.Context, t Target, into *bytes.Buffer) (contentType string, err error) {
	into.Reset()
	address := "http://" + t.Address + t.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("asking for the metrics of %s: %w", address, err)
	}
	request.Header.Set("Accept", accepted)
	request.Header.Set("User-Agent", "apgar-demo")
	request.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(p.client.Timeout.Seconds(), 'f', -1, 64))
	response, err := p.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("asking for metrics: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking for the metrics of %s: the answer is %s instead of 200 OK", address, response.Status)
	}
	n, err := into.ReadFrom(io.LimitReader(response.Body, p.maxBodyBytes+1))
	if err == nil && n > p.maxBodyBytes {
		err = fmt.Errorf("the answer is larger than %d bytes; expose fewer series", p.maxBodyBytes)
	}
	if err != nil {
		return "", fmt.Errorf("reading the metrics of %s: %w", address, err)
	}
	return response.Header.Get("Content-Type"), nil
}
