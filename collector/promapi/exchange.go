package promapi

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRefusal is how much of the body of a refusal is read to find its reason.
const maxRefusal = 64 << 10

// exchange is one question and its answer over HTTP.
func (s *Source) exchange(ctx context.Context, replica *replica, r *request, report *Report) *Error {
	resp, err := s.send(ctx, replica, r)
	if err != nil {
		return transportFault(ctx, "waiting for the answer", err, sanitizerFor(nil, replica.secrets))
	}
	defer resp.Body.Close()
	clean := sanitizerFor(resp.Request, replica.secrets)
	if resp.StatusCode/100 != 2 {
		return s.refused(ctx, resp, clean)
	}
	tools := s.borrow()
	defer s.giveBack(tools)
	in, fault := newAnswer(resp, s.limits.ResponseBytes, tools.buffer)
	if fault == nil {
		d := newDecoder(in, tools, r.want, r.sink, s.limits.Series, clean)
		fault = d.decode()
		d.env.fill(report)
		report.Bytes = in.read
	}
	switch {
	case fault == nil:
		return nil
	case fault.Kind == kindBroken:
		return transportFault(ctx, "reading the answer", fault.err, clean)
	}
	fault.Status = resp.StatusCode
	if contentType := resp.Header.Get("Content-Type"); fault.Kind == KindMalformed && !fault.answered && contentType != "" {
		fault.Detail += " (Content-Type: " + clean.clean(contentType) + ")"
	}
	return fault
}

// refused reads why the server did not answer the question.
func (s *Source) refused(ctx context.Context, resp *http.Response, clean sanitizer) *Error {
	tools := s.borrow()
	defer s.giveBack(tools)
	in, fault := newAnswer(resp, maxRefusal, tools.buffer)
	if fault != nil {
		return refusal(resp, nil, "", time.Now())
	}
	body, err := io.ReadAll(in)
	if err != nil && in.broken != nil && ctx.Err() != nil {
		return contextFault(ctx, "reading the answer")
	}
	in = &answer{src: bytes.NewReader(body), limit: maxRefusal}
	d := newDecoder(in, tools, resultNone, nil, 0, clean)
	if fault := d.decode(); fault == nil || fault.Kind != KindMalformed {
		return refusal(resp, &d.env, d.env.errorText, time.Now())
	}
	text := clean.clean(string(body))
	if strings.HasPrefix(text, "<") {
		text = "the answer is an HTML page"
	}
	return refusal(resp, nil, text, time.Now())
}

// send sends the question by POST, and by GET to a replica that allows nothing else.
func (s *Source) send(ctx context.Context, replica *replica, r *request) (*http.Response, error) {
	method := r.method
	if replica.getOnly.Load() {
		method = http.MethodGet
	}
	resp, err := s.sendBy(ctx, method, replica, r)
	if err != nil || method == http.MethodGet || resp.StatusCode != http.StatusMethodNotAllowed {
		return resp, err
	}
	resp.Body.Close()
	resp, err = s.sendBy(ctx, http.MethodGet, replica, r)
	if err == nil && resp.StatusCode != http.StatusMethodNotAllowed {
		replica.getOnly.Store(true)
	}
	return resp, err
}

func (s *Source) sendBy(ctx context.Context, method string, replica *replica, r *request) (*http.Response, error) {
	form := withTimeout(ctx, r.form)
	u := replica.endpoint(r.path)
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		query := u.Query()
		maps.Copy(query, form)
		u.RawQuery = query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept-Encoding", "identity")
	if replica.hasUser {
		req.SetBasicAuth(replica.user, replica.password)
	}
	return s.client.Do(req)
}

// withTimeout tells the source to give up a little before we do, so that its own word for it arrives.
func withTimeout(ctx context.Context, form url.Values) url.Values {
	deadline, ok := ctx.Deadline()
	if !ok || len(form) == 0 {
		return form
	}
	left := time.Until(deadline)
	left -= min(left/10, time.Second)
	form = maps.Clone(form)
	form.Set("timeout", strconv.FormatInt(max(1, left.Milliseconds()), 10)+"ms")
	return form
}
