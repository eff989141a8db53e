package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of one post.
const (
	DefaultAttempts = 8
	MaxRetryWait    = time.Minute // however long the server asks for
	MaxAnswerBytes  = 1 << 20
	firstRetryWait  = 100 * time.Millisecond // where the server does not say; doubled each time
	maxBackoff      = 5 * time.Second
	requestTimeout  = 30 * time.Second
)

// poster posts alerts.
type poster struct {
	url, token string
	client     *http.Client
	attempts   int
	clock      clock
}

// outcome is what became of a post.
type outcome struct {
	kind     Kind
	code     string // of a refusal or failure
	fields   []alert.Field
	detail   string
	receipt  receipt
	latency  time.Duration // of the answer that counted, waits between attempts left out
	attempts int
}

// receipt is what is read of the server's answer.
type receipt struct {
	AlertID    string `json:"alert_id"`
	IncidentID string `json:"incident_id"`
	Duplicate  bool   `json:"duplicate"`
	Tasks      []struct {
		ID string `json:"id"`
	} `json:"tasks"`
}

// problem is what is read of a problem document.
type problem struct {
	Code   string        `json:"code"`
	Detail string        `json:"detail"`
	Errors []alert.Field `json:"errors"`
}

// codeNetwork is ours for what never got an answer.
const codeNetwork = "network"

// deniedError ends a replay: no row could fare better.
type deniedError struct{ detail string }

func (e *deniedError) Error() string { return e.detail }

// post sends body until it is accepted or refused, or the attempts are used up. Sending again is harmless: the
// server knows the id. The error is a *deniedError, or the context's.
func (p *poster) post(ctx context.Context, body []byte) (outcome, error) {
	var o outcome
	for n := 1; ; n++ {
		var wait time.Duration
		var retry bool
		var err error
		o, wait, retry, err = p.once(ctx, body)
		o.attempts = n
		if err != nil || !retry {
			return o, err
		}
		if n >= p.attempts {
			o.detail = fmt.Sprintf("given up after %d attempts: %s", n, o.detail)
			return o, nil
		}
		if wait == 0 {
			wait = min(firstRetryWait<<min(n-1, 10), maxBackoff)
		}
		if err := p.clock.Wait(ctx, min(wait, MaxRetryWait)); err != nil {
			return o, err
		}
	}
}

// once sends body once. retry says whether another attempt may help, wait how long the server asks for.
func (p *poster) once(ctx context.Context, body []byte) (o outcome, wait time.Duration, retry bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return o, 0, false, err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	began := p.clock.Now()
	status, header, answer, err := p.do(req)
	o.latency = p.clock.Now().Sub(began)
	if err != nil {
		o.kind, o.code, o.detail = Failed, codeNetwork, err.Error()
		if ctx.Err() != nil {
			return o, 0, false, context.Cause(ctx)
		}
		return o, 0, true, nil
	}
	switch {
	case status == http.StatusAccepted:
		if err := json.Unmarshal(answer, &o.receipt); err != nil || o.receipt.IncidentID == "" {
			o.kind, o.code, o.detail = Failed, codeNetwork, fmt.Sprintf("answered 202 without a receipt: %.80q", answer)
			return o, 0, false, nil
		}
		o.kind = Accepted
		if o.receipt.Duplicate {
			o.kind = Duplicate
		}
		return o, 0, false, nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return o, 0, false, &deniedError{fmt.Sprintf("the server answered %d: %s", status, problemOf(status, answer).Detail)}
	}
	pr := problemOf(status, answer)
	o.code, o.detail, o.fields = pr.Code, pr.Detail, pr.Errors
	if status >= 400 && status < 500 && status != http.StatusTooManyRequests {
		o.kind = Refused
		return o, 0, false, nil
	}
	o.kind = Failed
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return o, retryAfter(header.Get("Retry-After"), p.clock.Now()), true, nil
	}
	return o, 0, false, nil
}

func (p *poster) do(req *http.Request) (int, http.Header, []byte, error) {
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswerBytes+1))
	if err == nil && len(answer) > MaxAnswerBytes {
		err = errors.New("the answer is longer than " + strconv.Itoa(MaxAnswerBytes) + " bytes")
	}
	return resp.StatusCode, resp.Header, answer, err
}

// problemOf reads a problem document, or makes one of whatever was answered.
func problemOf(status int, answer []byte) problem {
	var p problem
	if json.Unmarshal(answer, &p) != nil || p.Code == "" {
		p = problem{Code: "http " + strconv.Itoa(status), Detail: fmt.Sprintf("%.200s", strings.TrimSpace(string(answer)))}
	}
	return p
}

// retryAfter reads the header: seconds, or a date. 0 where it says nothing.
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.ParseInt(strings.TrimSpace(v), 10, 32); err == nil {
		return max(0, time.Duration(s)*time.Second)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
