package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultLease is how long a node leads without renewing. It is renewed six times as often.
const DefaultLease = 3 * time.Second

// Holder is a node that holds the lease.
type Holder struct {
	Node    string `json:"node"`
	Address string `json:"address"` // where it takes commands, as a URL
	Token   string `json:"token"`   // of this life of it
}

// Lease says who leads a city. It has no clock but Redis's own: a node renews by asking, never by counting. Losing
// it does not yet stop a writer, the epoch does: see Claim.
type Lease struct {
	client redis.UniversalClient
	names  Names
	self   Holder
	value  string
	ttl    time.Duration
}

// NewLease returns the lease of a city for a node with a name of its own, not yet held.
func NewLease(client redis.UniversalClient, city, node, address string, ttl time.Duration) *Lease {
	l := &Lease{client: client, names: NamesOf(city), self: Holder{node, address, rand.Text()}, ttl: ttl}
	value, _ := json.Marshal(l.self) // strings always encode
	l.value = string(value)
	return l
}

// Proves reports whether who sends token reads the leases of this city: it is that of this node while it leads. Whoever
// reads those reads every event.
func (l *Lease) Proves(token string) bool {
	return subtle.ConstantTimeCompare([]byte(token), []byte(l.self.Token)) == 1
}

// leaseScript takes a lease that is free, ours, or of an earlier life of this node, and says who holds it.
var leaseScript = redis.NewScript(`
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then
  local ok, holder = pcall(cjson.decode, held)
  if ok and holder.node ~= ARGV[3] or not ok then return held end
  if ARGV[4] == 'renew' then return held end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`)

// Take takes the lease if nobody else holds it, or renews it, and returns who holds it now.
func (l *Lease) Take(ctx context.Context) (h Holder, mine bool, err error) { return l.ask(ctx, "take") }

// Renew is Take for who believes to hold it: another life of the same node is somebody else then.
func (l *Lease) Renew(ctx context.Context) (h Holder, mine bool, err error) {
	return l.ask(ctx, "renew")
}

func (l *Lease) ask(ctx context.Context, how string) (h Holder, mine bool, err error) {
	held, err := leaseScript.Run(ctx, l.client, []string{l.names.Lease()}, l.value, l.ttl.Milliseconds(), l.self.Node, how).Text()
	if err != nil {
		return h, false, err
	}
	if err := json.Unmarshal([]byte(held), &h); err != nil {
		return h, false, fmt.Errorf("the lease holds %.80q: %w", held, err)
	}
	return h, held == l.value, nil
}

// Holder returns who holds the lease, and false if nobody does.
func (l *Lease) Holder(ctx context.Context) (h Holder, held bool, err error) {
	text, err := l.client.Get(ctx, l.names.Lease()).Result()
	if errors.Is(err, redis.Nil) {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	return h, true, json.Unmarshal([]byte(text), &h)
}

var releaseScript = redis.NewScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

// Release gives the lease up if it is ours, so that another need not wait for its end.
func (l *Lease) Release(ctx context.Context) error {
	return releaseScript.Run(ctx, l.client, []string{l.names.Lease()}, l.value).Err()
}

// claimScript begins an epoch: only for who holds the lease, has all of the stream, and goes above every epoch before.
var claimScript = redis.NewScript(`
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return 'lease' end
local epoch = redis.call('HGET', KEYS[2], 'epoch')
if epoch and tonumber(epoch) >= tonumber(ARGV[2]) then return 'epoch' end
local at = ''
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then at = info[i + 1] end end
end
if at ~= ARGV[3] then return 'moved' end
redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'node', ARGV[4])
return 'ok'`)

// ErrNotHeld means that the lease went to another.
var ErrNotHeld = errors.New("another node holds the lease")

// Claim begins an epoch at the place where the caller has read the stream to. From then on Redis refuses whoever
// writes under an earlier one. ErrMoved: there is more to read first, or a higher epoch to go above.
func (l *Lease) Claim(ctx context.Context, p Position, epoch uint32) error {
	answer, err := claimScript.Run(ctx, l.client, []string{l.names.Events(), l.names.Meta(), l.names.Lease()}, l.value, epoch, p.last, l.self.Node).Text()
	switch {
	case err != nil:
		return err
	case answer == "ok":
		return nil
	case answer == "lease":
		return ErrNotHeld
	}
	return fmt.Errorf("%w: %s", ErrMoved, answer)
}
