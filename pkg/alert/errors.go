package alert

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Code is a stable, machine-readable kind of error. It is mapped once to an HTTP problem
// (pkg/api) and once to a websocket close code (pkg/push).
type Code string

// The codes. They are part of the outside contract: never renamed, never reused.
const (
	CodeMalformed       Code = "malformed"        // the bytes are not what the media type says
	CodeInvalid         Code = "invalid"          // well formed, but a field breaks a rule
	CodeTooLarge        Code = "too_large"        // a named size bound was passed
	CodeUnsupportedType Code = "unsupported_type" // the media type is not taken here
	CodeUnauthorized    Code = "unauthorized"     // no key, or a key nobody knows
	CodeForbidden       Code = "forbidden"        // the key may not do this
	CodeNotFound        Code = "not_found"        // no such thing, or no longer in memory
	CodeConflict        Code = "conflict"         // not possible in the present state
	CodeRateLimited     Code = "rate_limited"     // a named rate was passed; retry later
	CodeUnavailable     Code = "unavailable"      // not accepting now; retry later
	CodeInternal        Code = "internal"         // a defect of ours
)

// Field names one field that broke a rule.
type Field struct {
	Field  string `json:"field"`           // path such as location.lon
	Reason string `json:"reason"`          // what is wrong and what to do
	Limit  string `json:"limit,omitempty"` // the bound, where one was passed
	Value  string `json:"value,omitempty"` // the offending value, shortened
}

// Error is the one error type that reaches a caller.
type Error struct {
	Code   Code
	Detail string  // one sentence for a person: what is wrong and what to do
	Fields []Field // for CodeInvalid: every field that broke a rule
}

// Error implements error.
func (e *Error) Error() string {
	if len(e.Fields) == 0 {
		return e.Detail
	}
	var b strings.Builder
	b.WriteString(e.Detail)
	for i, f := range e.Fields {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + ": " + f.Reason)
	}
	return b.String()
}

// Errorf returns an Error with a formatted detail.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err, CodeInternal for an error that carries none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Invalid returns the error of what breaks rules: an alert, an action, a query.
func Invalid(what string, fields ...Field) *Error {
	rules := "1 rule"
	if len(fields) != 1 {
		rules = strconv.Itoa(len(fields)) + " rules"
	}
	return &Error{Code: CodeInvalid, Detail: "the " + what + " breaks " + rules, Fields: fields}
}
