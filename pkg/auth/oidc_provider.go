package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of what an OpenID provider may take and answer.
const (
	providerPatience    = 10 * time.Second
	maxProviderBytes    = 1 << 20
	maxSecretFileBytes  = 4 << 10
	discoverAgainNotYet = 5 * time.Second // after a failure
)

// provider is a Provider that is looked up when it is first needed: one that is down must not keep the server
// from starting.
type provider struct {
	o      OIDC
	secret string
	client *http.Client

	mu     sync.Mutex
	found  *oidc.Provider
	failed time.Time
	err    error
}

// NewProvider returns the provider of a configuration that is valid. It is not asked anything yet.
func NewProvider(o OIDC) (Provider, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	p := &provider{o: o, client: &http.Client{Timeout: providerPatience, Transport: bounded{http.DefaultTransport}}}
	if o.ClientSecretFile != "" {
		f, err := os.Open(o.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("oidc.client_secret_file: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, maxSecretFileBytes))
		if err != nil {
			return nil, fmt.Errorf("oidc.client_secret_file: %w", err)
		}
		if p.secret = strings.TrimSpace(string(b)); p.secret == "" {
			return nil, fmt.Errorf("oidc.client_secret_file %s is empty", o.ClientSecretFile)
		}
	}
	return p, nil
}

// bounded cuts off answers that are too long.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxProviderBytes), resp.Body}
	}
	return resp, err
}

// discover returns the provider's own description of itself.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && time.Since(p.failed) < discoverAgainNotYet {
		return nil, p.err
	}
	// What is found outlives the request: its keys are fetched anew when they change.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.o.Issuer)
	if err != nil {
		p.failed, p.err = time.Now(), unreachable(err)
		return nil, p.err
	}
	p.found, p.err = found, nil
	return found, nil
}

// unreachable tells the caller that the provider is away, and the log why.
func unreachable(err error) error {
	return fmt.Errorf("%w: %w", alert.Errorf(alert.CodeUnavailable, "the OpenID provider cannot be asked now"), err)
}

func (p *provider) flow(found *oidc.Provider) *oauth2.Config {
	scopes := p.o.Scopes
	if len(scopes) == 0 {
		scopes = []string{"profile"}
	}
	return &oauth2.Config{ClientID: p.o.ClientID, ClientSecret: p.secret, Endpoint: found.Endpoint(), RedirectURL: p.o.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, scopes...)}
}

// URL implements Provider.
func (p *provider) URL(ctx context.Context, f Flow) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	return p.flow(found).AuthCodeURL(f.State(), oidc.Nonce(f.Nonce()), oauth2.S256ChallengeOption(f.Verifier())), nil
}

// Redeem implements Provider.
func (p *provider) Redeem(ctx context.Context, f Flow, code string) (Identity, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.flow(found).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier()))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return Identity{}, alert.Errorf(alert.CodeForbidden, "the OpenID provider does not take the code: %.100s", refused.ErrorCode)
	}
	if err != nil {
		return Identity{}, unreachable(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Identity{}, alert.Errorf(alert.CodeForbidden, "the OpenID provider sent no ID token")
	}
	id, err := found.Verifier(&oidc.Config{ClientID: p.o.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, alert.Errorf(alert.CodeForbidden, "the ID token does not hold: %v", err)
	}
	if id.Nonce != f.Nonce() {
		return Identity{}, alert.Errorf(alert.CodeForbidden, "the ID token is an answer to somebody else")
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return Identity{}, alert.Errorf(alert.CodeForbidden, "the claims of the ID token cannot be read")
	}
	return p.o.identity(id.Subject, claims), nil
}
