package auth

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// TestPeer: what a request says of where it comes from counts only from a proxy that is trusted.
func TestPeer(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		remote, forwarded, proto string
		tls                      bool
		want                     string
		secure                   bool
	}{
		{remote: "203.0.113.7:1", want: "203.0.113.7"},
		{remote: "203.0.113.7:1", tls: true, want: "203.0.113.7", secure: true},
		{remote: "203.0.113.7:1", forwarded: "1.2.3.4", proto: "https", want: "203.0.113.7"},
		{remote: "10.1.2.3:1", forwarded: "1.2.3.4", proto: "https", want: "1.2.3.4", secure: true},
		{remote: "10.1.2.3:1", forwarded: "6.6.6.6, 1.2.3.4", proto: "https, http", want: "1.2.3.4"},
		{remote: "10.1.2.3:1", forwarded: "6.6.6.6, 1.2.3.4, 10.9.9.9", want: "1.2.3.4"},
		{remote: "10.1.2.3:1", forwarded: "6.6.6.6, garbage", want: "10.1.2.3"},
		{remote: "10.1.2.3:1", want: "10.1.2.3"},
		{remote: "10.1.2.3:1", forwarded: strings.Repeat("10.0.0.1,", 100) + "10.0.0.2", want: "10.0.0.1"},
		{remote: "[::1]:1", forwarded: "2001:db8::7", want: "2001:db8::7"},
		{remote: "[::ffff:10.1.2.3]:1", forwarded: "::ffff:1.2.3.4", want: "1.2.3.4"},
		{remote: "@", want: "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if r.RemoteAddr = c.remote; c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		if from, secure := Peer(r, proxies); from.String() != c.want || secure != c.secure {
			t.Errorf("%+v: %v, %v", c, from, secure)
		}
	}
}
