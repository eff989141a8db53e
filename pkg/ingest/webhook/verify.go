// Package webhook checks who sent a webhook: HMAC-SHA256 over the body, and over a timestamp where there is one
// (RFC 2104).
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MinSecretBytes is the least length of a secret.
const MinSecretBytes = 16

// Verify reports whether a body was signed with the secret of a source; dataDir holds the file that its transport
// names. Without a timestamp header the signature is over the body; with one, over timestamp, a full stop and body,
// and the timestamp (Unix seconds) must lie within the tolerance: what was overheard cannot be sent again later. What is
// sent again within it is a duplicate, and harmless. The error says nothing of why a signature does not fit.
func Verify(t *plan.Transport, dataDir string, header http.Header, body []byte, now time.Time) error {
	b, err := os.ReadFile(filepath.Join(dataDir, t.SecretFile))
	secret := strings.TrimRight(string(b), "\r\n")
	if err != nil || len(secret) < MinSecretBytes {
		return alert.Errorf(alert.CodeUnavailable, "the secret of this webhook cannot be read, or is shorter than %d bytes: ask the operator", MinSecretBytes)
	}
	signed := body
	if t.TimestampHeader != "" {
		stamp := header.Get(t.TimestampHeader)
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return alert.Errorf(alert.CodeUnauthorized, "%s is %.40q: want the time in seconds since 1970", t.TimestampHeader, stamp)
		}
		if age := now.Sub(time.Unix(seconds, 0)); age > t.Tolerance || age < -t.Tolerance {
			return alert.Errorf(alert.CodeUnauthorized, "%s is more than %v away from now: set the clock, or sign again before sending again", t.TimestampHeader, t.Tolerance)
		}
		signed = append([]byte(stamp+"."), body...)
	}
	given, err := hex.DecodeString(strings.TrimPrefix(header.Get(t.SignatureHeader), "sha256="))
	if err != nil || !hmac.Equal(given, Sum(secret, signed)) {
		return alert.Errorf(alert.CodeUnauthorized, "%s does not fit: want the hexadecimal HMAC-SHA256 of the body with the secret of this source", t.SignatureHeader)
	}
	return nil
}

// Sum is the HMAC-SHA256 of b.
func Sum(secret string, b []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(b)
	return m.Sum(nil)
}
