package webhook

import (
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	const secret = "0123456789abcdef0123"
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "short"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	now, body := time.Unix(1777595400, 0), []byte(`{"a":1}`)
	sign := func(b string) string { return hex.EncodeToString(Sum(secret, []byte(b))) }
	stamp := strconv.FormatInt(now.Unix()-60, 10)
	plain := plan.Transport{SecretFile: "secret", SignatureHeader: "X-Signature-256", Tolerance: 5 * time.Minute}
	timed, short, absent := plain, plain, plain
	timed.TimestampHeader, short.SecretFile, absent.SecretFile = "X-Timestamp", "short", "nowhere"
	old := strconv.FormatInt(now.Unix()-301, 10)
	for name, c := range map[string]struct {
		t                *plan.Transport
		signature, stamp string
		want             alert.Code
	}{
		"right":          {&plain, sign(`{"a":1}`), "", ""},
		"with prefix":    {&plain, "sha256=" + sign(`{"a":1}`), "", ""},
		"another body":   {&plain, sign(`{"a":2}`), "", alert.CodeUnauthorized},
		"none":           {&plain, "", "", alert.CodeUnauthorized},
		"no hexadecimal": {&plain, "zz", "", alert.CodeUnauthorized},
		"timed":          {&timed, sign(stamp + `.{"a":1}`), stamp, ""},
		"time unsigned":  {&timed, sign(`{"a":1}`), stamp, alert.CodeUnauthorized},
		"old":            {&timed, sign(old + `.{"a":1}`), old, alert.CodeUnauthorized},
		"no time":        {&timed, sign(`.{"a":1}`), "", alert.CodeUnauthorized},
		"short secret":   {&short, sign(`{"a":1}`), "", alert.CodeUnavailable},
		"no secret":      {&absent, sign(`{"a":1}`), "", alert.CodeUnavailable},
	} {
		h := http.Header{}
		h.Set("X-Signature-256", c.signature)
		h.Set("X-Timestamp", c.stamp)
		if got := alert.CodeOf(Verify(c.t, dir, h, body, now)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
