package cap

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"github.com/beevik/etree"
	"github.com/jonboulle/clockwork"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Signature says what is known of who wrote a message.
type Signature string

// The signatures.
const (
	Unsigned   Signature = "none"
	Unverified Signature = "unverified" // signed, and no certificate is known to ask
	Verified   Signature = "verified"   // by a certificate that is known
)

// Verifier checks enveloped XML signatures (CAP 1.2 section 3.3.4.1) against certificates that count.
type Verifier struct {
	Certificates []*x509.Certificate
	Required     bool // what is not verified is refused
	Now          func() time.Time
}

// ReadCertificates reads files of PEM certificates.
func ReadCertificates(files ...string) (certificates []*x509.Certificate, err error) {
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		before := len(certificates)
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			certificates = append(certificates, c)
		}
		if len(certificates) == before {
			return nil, fmt.Errorf("%s holds no certificate in PEM", file)
		}
	}
	return certificates, nil
}

// Parse reads a message as Parse does, and checks who signed it. Where the signature holds, what is returned was
// read from the very bytes that were signed and from nothing else. A signature that does not hold is refused wherever
// certificates are known.
func (v *Verifier) Parse(raw []byte) (*Message, Signature, error) {
	m, err := Parse(raw)
	switch {
	case err != nil:
		return nil, "", err
	case !m.Signed && v.Required:
		return nil, "", signatureError("the message is not signed: the profile of the source takes signed ones alone")
	case !m.Signed:
		return m, Unsigned, nil
	case len(v.Certificates) == 0 && v.Required:
		return nil, "", signatureError("no certificate is known to check the signature with: name them in the profile, transport.certificates")
	case len(v.Certificates) == 0:
		return m, Unverified, nil
	}
	signed, err := v.signed(raw)
	if err != nil {
		return nil, "", signatureError(fmt.Sprintf("the signature does not hold: %v", err))
	}
	m, err = Parse(signed)
	return m, Verified, err
}

func signatureError(reason string) error {
	return &alert.Error{Code: alert.CodeInvalid, Detail: "the message is not taken for its signature", Fields: []alert.Field{{Field: "alert.Signature", Reason: reason}}}
}

// signed returns the bytes that were signed by one of the certificates.
func (v *Verifier) signed(raw []byte) ([]byte, error) {
	raw, err := plain(raw)
	if err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.ReadSettings.CharsetReader = charset
	if err := doc.ReadFromBytes(raw); err != nil {
		return nil, err
	}
	check := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: v.Certificates})
	check.Clock = dsig.NewFakeClock(clockwork.NewFakeClockAt(v.Now()))
	root, err := check.Validate(doc.Root())
	if err != nil {
		return nil, err
	}
	out := etree.NewDocument()
	out.SetRoot(root)
	return out.WriteToBytes()
}
