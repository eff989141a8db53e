//go:build !oidc

package auth

import "errors"

// NewProvider says that this binary cannot speak to an OpenID provider: it was built without the tag oidc.
func NewProvider(OIDC) (Provider, error) {
	return nil, errors.New("oidc.issuer is set, but this binary was built without OpenID Connect: build with -tags oidc")
}
