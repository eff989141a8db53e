package redisstore

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Times of a connection. A Redis that is slower than this counts as gone; the journal waits for nobody.
const (
	dialTimeout = time.Second
	callTimeout = 2 * time.Second
	poolSize    = 8
)

// quiet drops what the client says on standard error of its own accord: every failure comes back as an error, and
// the mirror tells it once.
type quiet struct{}

// Printf implements the client's logger.
func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// Dial returns a client for target, which is
//
//	redis://[user:password@]host:port/db                  one server (rediss: with TLS)
//	redis+sentinel://[user:password@]host:port,…/master/db   the master that Sentinels name
//	redis+cluster://[user:password@]host:port,…               a Cluster
//
// or the path of a file that holds such a line, so that a password stands in no list of processes. No
// connection is made yet. Failed calls are never repeated by the client.
func Dial(target string) (redis.UniversalClient, error) {
	if !strings.Contains(target, "://") {
		b, err := os.ReadFile(target)
		if err != nil {
			return nil, fmt.Errorf("redis: want a URL such as redis://127.0.0.1:6379/0, or a file with one: %w", err)
		}
		target = strings.TrimSpace(string(b))
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("redis: the URL cannot be read") // its text may hold a password
	}
	password, _ := u.User.Password()
	o := &redis.UniversalOptions{Addrs: strings.Split(u.Host, ","), Username: u.User.Username(), Password: password,
		MaxRetries: -1, DialTimeout: dialTimeout, ReadTimeout: callTimeout, WriteTimeout: callTimeout, DialerRetries: 1,
		PoolSize: poolSize, ContextTimeoutEnabled: true, MaxRedirects: 1, DisableIdentity: true, Protocol: 2}
	db := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		if len(o.Addrs) != 1 {
			return nil, fmt.Errorf("redis: %s names one server; redis+sentinel and redis+cluster name several", u.Scheme)
		}
	case "redis+sentinel", "rediss+sentinel":
		o.MasterName, db, _ = strings.Cut(db, "/")
		if o.MasterName == "" {
			return nil, fmt.Errorf("redis: the name of the master is missing: redis+sentinel://host:26379,host:26379/NAME/0")
		}
	case "redis+cluster", "rediss+cluster":
		o.IsClusterMode = true
	default:
		return nil, fmt.Errorf("redis: scheme %q: want redis, rediss, redis+sentinel or redis+cluster", u.Scheme)
	}
	if strings.HasPrefix(u.Scheme, "rediss") {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for i, a := range o.Addrs {
		if a == "" {
			return nil, fmt.Errorf("redis: the URL names no server")
		}
		if !strings.Contains(a, ":") {
			o.Addrs[i] = a + ":6379"
		}
	}
	if db != "" {
		if o.DB, err = strconv.Atoi(db); err != nil || o.DB < 0 {
			return nil, fmt.Errorf("redis: database %q: want a number", db)
		}
	}
	return redis.NewUniversalClient(o), nil
}
