package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// statusOf is the one place where codes become HTTP statuses.
var statusOf = map[alert.Code]int{
	alert.CodeMalformed:       http.StatusBadRequest,
	alert.CodeUnauthorized:    http.StatusUnauthorized,
	alert.CodeForbidden:       http.StatusForbidden,
	alert.CodeNotFound:        http.StatusNotFound,
	alert.CodeConflict:        http.StatusConflict,
	alert.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	alert.CodeUnsupportedType: http.StatusUnsupportedMediaType,
	alert.CodeInvalid:         http.StatusUnprocessableEntity,
	alert.CodeRateLimited:     http.StatusTooManyRequests,
	alert.CodeInternal:        http.StatusInternalServerError,
	alert.CodeUnavailable:     http.StatusServiceUnavailable,
}

// retryAfterSeconds is what a refused caller is told to wait where waiting helps.
const retryAfterSeconds = 1

const problemBase = "https://banyan-ecc.github.io/problems/"

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Code   alert.Code    `json:"code"`
	Detail string        `json:"detail"`
	Errors []alert.Field `json:"errors,omitempty"`

	retryAfter time.Duration // 0: as usual
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Code {
	case alert.CodeUnavailable, alert.CodeRateLimited:
		h.Set("Retry-After", strconv.Itoa(max(retryAfterSeconds, int(math.Ceil(p.retryAfter.Seconds())))))
	case alert.CodeUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="banyan"`)
	}
	return h
}

// problemOf turns any error into a problem. What is not an *alert.Error is ours: its text goes to the log,
// not to the caller.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *alert.Error
	if !errors.As(err, &e) {
		e = alert.Errorf(alert.CodeInternal, "a defect of the server; its log says more")
	}
	p = &Problem{
		Type: problemBase + string(e.Code), Title: title(e.Code), Status: statusOf[e.Code],
		Code: e.Code, Detail: e.Detail, Errors: e.Fields,
	}
	var later interface{ RetryAfter() time.Duration }
	if errors.As(err, &later) {
		p.retryAfter = later.RetryAfter()
	}
	return p
}

func title(c alert.Code) string {
	words := strings.ReplaceAll(string(c), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// codeOf is statusOf backwards, for errors that the HTTP library makes itself.
func codeOf(status int) alert.Code {
	for code, s := range statusOf {
		if s == status {
			return code
		}
	}
	if status >= http.StatusInternalServerError {
		return alert.CodeInternal
	}
	return alert.CodeMalformed
}

// The HTTP library's own errors (a query parameter out of range, a body that is no JSON) take our form.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		e := &alert.Error{Code: codeOf(status), Detail: message}
		for _, err := range errs {
			var d *huma.ErrorDetail
			if errors.As(err, &d) {
				e.Fields = append(e.Fields, alert.Field{Field: d.Location, Reason: d.Message})
			} else if err != nil {
				e.Fields = append(e.Fields, alert.Field{Reason: err.Error()})
			}
		}
		return problemOf(e)
	}
}

// WriteProblem answers with err.
func WriteProblem(w http.ResponseWriter, err error) {
	p := problemOf(err)
	for k, v := range p.GetHeaders() {
		w.Header()[k] = append(w.Header()[k], v...) // a path may have asked for another proof already
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a caller that went away is not told
}
