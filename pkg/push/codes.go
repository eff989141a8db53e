package push

import (
	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// closeOf is the one place where codes become websocket close codes (RFC 6455 section 7.4). Zero means that
// the connection lives on: the request was refused, the next one may be right.
var closeOf = map[alert.Code]int{
	alert.CodeMalformed:       websocket.ClosePolicyViolation,
	alert.CodeUnauthorized:    websocket.ClosePolicyViolation,
	alert.CodeForbidden:       websocket.ClosePolicyViolation, // what a key may see does not change while it is connected
	alert.CodeTooLarge:        websocket.CloseMessageTooBig,
	alert.CodeUnsupportedType: websocket.CloseUnsupportedData,
	alert.CodeInternal:        websocket.CloseInternalServerErr,
	alert.CodeUnavailable:     websocket.CloseTryAgainLater,
	alert.CodeInvalid:         0,
	alert.CodeNotFound:        0,
	alert.CodeConflict:        0,
	alert.CodeRateLimited:     0,
}

// detailOf returns what a client is told of err. The text of an error that carries no code may say things
// that are nobody's business outside, so it is replaced.
func detailOf(err error) (alert.Code, string) {
	code := alert.CodeOf(err)
	if code == alert.CodeInternal {
		return code, "a defect of the server; its log says more"
	}
	return code, err.Error()
}
