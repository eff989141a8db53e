package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxForwarded bounds the addresses of X-Forwarded-For that are looked at, nearest first.
const maxForwarded = 16

// Peer returns the address a request comes from and whether it came over TLS. What a proxy says of that is
// believed only of those in proxies: anybody may send such headers.
func Peer(r *http.Request, proxies []netip.Prefix) (from netip.Addr, secure bool) {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero address where there is none, as behind a Unix socket
	from, secure = ap.Addr().Unmap().WithZone(""), r.TLS != nil
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
	}
	if !trusted(from) {
		return from, secure
	}
	if last := lastValue(r.Header.Values("X-Forwarded-Proto")); last != "" {
		secure = strings.EqualFold(last, "https")
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	slices.Reverse(hops)
	for _, hop := range hops[:min(len(hops), maxForwarded)] {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if from = a.Unmap().WithZone(""); !trusted(from) {
			break
		}
	}
	return from, secure
}

// lastValue is the last of a header's comma list: what the nearest proxy added.
func lastValue(values []string) string {
	all := strings.Split(strings.Join(values, ","), ",")
	return strings.TrimSpace(all[len(all)-1])
}
