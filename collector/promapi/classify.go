package promapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// refusal makes an error of an answer whose status is not 2xx. The text is remote and already clean.
func refusal(resp *http.Response, env *envelope, text string, now time.Time) *Error {
	e := &Error{Kind: kindOfStatus(resp.StatusCode), Status: resp.StatusCode, Detail: text}
	if env != nil && env.status == "error" {
		e.Kind = kindOfEnvelope(e.Kind, env.errorType, text)
		e.inWords(text)
	}
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		e.Detail = "the server redirects elsewhere, and redirects are not followed; configure the final URL"
	case e.Detail == "":
		e.Detail = "the server gave no reason"
	}
	if e.Kind == KindRateLimited || e.Kind == KindUnavailable {
		e.retryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	return e
}

func kindOfStatus(status int) Kind {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong:
		return KindBadQuery
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return KindUnauthorized
	case http.StatusRequestTimeout:
		return KindTimeout
	case http.StatusUnprocessableEntity:
		return KindExecution
	case http.StatusTooManyRequests:
		return KindRateLimited
	case http.StatusNotImplemented:
		return KindNotPrometheus
	}
	if status >= 499 {
		return KindUnavailable
	}
	return KindNotPrometheus
}

// kindOfEnvelope refines what the status says (or "" for a 2xx) by what Prometheus' own envelope says.
func kindOfEnvelope(byStatus Kind, errorType, text string) Kind {
	switch {
	case errorType == "timeout", strings.Contains(text, "query timed out in"):
		return KindTimeout
	case byStatus == KindExecution:
		return kindOfExecution(text)
	case byStatus != "":
		return byStatus
	}
	switch errorType {
	case "bad_data":
		return KindBadQuery
	case "internal", "unavailable", "canceled":
		return KindUnavailable
	case "not_found":
		return KindNotPrometheus
	}
	return kindOfExecution(text)
}

// kindOfExecution tells the failures of an evaluation apart, which Prometheus and its relatives do in words only.
func kindOfExecution(text string) Kind {
	text = strings.ToLower(text)
	for _, phrase := range []string{
		"too many samples", "too many series", // Prometheus, Thanos
		"err-mimir-max-",                                                                    // Mimir
		"-search.maxsamples", "-search.maxunique", "-search.maxpoints", "-search.maxmemory", // VictoriaMetrics
	} {
		if strings.Contains(text, phrase) {
			return KindTooManySamples
		}
	}
	for _, phrase := range []string{"query timed out", "timeout exceeded"} {
		if strings.Contains(text, phrase) {
			return KindTimeout
		}
	}
	return KindExecution
}

// retryAfter reads the header's two forms; nonsense and the past are 0.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// transportFault makes an error of a request that failed, or an answer that broke off, before its end.
func transportFault(ctx context.Context, doing string, err error, clean sanitizer) *Error {
	if e := contextFault(ctx, doing); e != nil {
		return e
	}
	if token, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		e := faultf(KindUnauthorized, "the OAuth2 token endpoint gave no token")
		if token.Response != nil {
			e.Detail += " (HTTP " + strconv.Itoa(token.Response.StatusCode) + ")"
		}
		return e
	}
	// The URL of an url.Error may hold secrets, and says nothing that the error does not say already. Errors can nest: the
	// token endpoint's is inside the request's.
	for {
		outer, ok := errors.AsType[*url.Error](err)
		if !ok {
			break
		}
		err = outer.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return faultf(KindUnreachable, "the server closed the connection while %s", doing)
	}
	return faultf(KindUnreachable, "the connection failed while %s: %s", doing, clean.clean(err.Error()))
}

// contextFault is nil as long as the context lives.
func contextFault(ctx context.Context, doing string) *Error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	e := faultf(KindCanceled, "the caller gave up while %s", doing)
	if errors.Is(err, context.DeadlineExceeded) {
		e = faultf(KindTimeout, "the time was up while %s", doing)
	}
	e.err = err
	return e
}
