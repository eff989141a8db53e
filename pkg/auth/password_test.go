package auth

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// cheap is for tests alone.
var cheap = Cost{MemoryKiB: 8, Passes: 1, Lanes: 1}

const goodPassword = "korrekt horse 电池"

func TestPasswordVerifies(t *testing.T) {
	h := newHasher(cheap)
	hash := HashPassword(goodPassword, cheap)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=8,t=1,p=1$") || strings.Contains(hash, goodPassword) {
		t.Errorf("hash %q", hash)
	}
	if again := HashPassword(goodPassword, cheap); again == hash {
		t.Error("two hashes of one password are the same: no salt")
	}
	for password, want := range map[string]bool{goodPassword: true, goodPassword + " ": false, "": false, strings.ToUpper(goodPassword): false} {
		if got, err := h.verify(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
	// é in one character and in two: what two keyboards send for the same key.
	if got, err := h.verify(t.Context(), HashPassword("caf\u00e9 au lait", cheap), "cafe\u0301 au lait"); !got || err != nil {
		t.Errorf("the same text in another form: %v, %v", got, err)
	}
	if got, err := h.verify(t.Context(), "", ""); got || err != nil {
		t.Errorf("nobody's password: %v, %v", got, err)
	}
}

// TestVerifiesWhatOthersHashed takes a hash that the reference implementation's command line made:
// printf 'correct horse battery' | argon2 0123456789abcdef -id -t 3 -k 65536 -p 4 -l 32 -e
func TestVerifiesWhatOthersHashed(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.phc")
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.TrimSpace(string(b))
	if c, _, _, err := parseHash(hash); err != nil || c != DefaultCost {
		t.Fatalf("%+v, %v: want the cost that is the default here", c, err)
	}
	h := newHasher(DefaultCost)
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterie": false} {
		if got, err := h.verify(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("%q: %v, %v", password, got, err)
		}
	}
}

func TestPasswordsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		password, want string
	}{
		{"", "shorter"}, {"elevenchars", "shorter"}, {"十一个字不够长啊啊啊啊", "shorter"}, {"chenzhiqiang", "the name"}, {"ChenZhiQiang", "the name"},
		{"chenzhiqiang2026", "the name"}, {"chenzhiqiangchenzhiqiang", "the name"}, {"123456789012", "first"}, {"PasswordPassword", "first"},
		{strings.Repeat("x", MaxPasswordBytes+1), "longer"}, {"\xff\xfe\xfd and more of it", "UTF-8"},
	} {
		if err := CheckPassword("chenzhiqiang", c.password); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want that it is %s", c.password, err, c.want)
		}
	}
	for _, fine := range []string{goodPassword, "aaaa bbbb cccc", "十二个字正好够长啊啊啊啊", strings.Repeat("ab", MaxPasswordBytes/2)} {
		if err := CheckPassword("chenzhiqiang", fine); err != nil {
			t.Errorf("%.40q: %v", fine, err)
		}
	}
}

// TestVerifyingIsBounded fills the turns and the waiting room: the next is turned away at once, and everybody
// else gets an answer in the end.
func TestVerifyingIsBounded(t *testing.T) {
	h := newHasher(cheap)
	for range MaxVerifications {
		h.turn <- struct{}{}
	}
	results := make(chan error, MaxWaiting)
	for range MaxWaiting {
		go func() {
			_, err := h.verify(context.Background(), "", "x")
			results <- err
		}()
	}
	for h.waiting.Load() < MaxWaiting {
		runtime.Gosched()
	}
	if _, err := h.verify(t.Context(), "", "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	if n := h.done.Load(); n != 0 {
		t.Errorf("%d were verified without a turn", n)
	}
	for range MaxVerifications {
		<-h.turn
	}
	for range MaxWaiting {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if n := h.done.Load(); n != MaxWaiting || h.waiting.Load() != 0 {
		t.Errorf("%d were verified, %d wait, want %d and 0", n, h.waiting.Load(), MaxWaiting)
	}
	for range MaxVerifications {
		h.turn <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := h.verify(ctx, "", "x"); !errors.Is(err, context.DeadlineExceeded) || h.waiting.Load() != 0 {
		t.Errorf("who waits too long: %v, %d wait", err, h.waiting.Load())
	}
}

func TestHashesThatAreNone(t *testing.T) {
	good := HashPassword(goodPassword, cheap)
	for _, bad := range []string{"x", "$argon2id$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "m=8", "m=1", 1), strings.Replace(good, "t=1", "t=1000000", 1), good + "A", good[:len(good)-2], good + "$", " " + good,
		strings.Replace(good, "m=8", "m=+8", 1)} {
		if _, _, _, err := parseHash(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(HashPassword(goodPassword, cheap))
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, key, err := parseHash(s)
		if err != nil {
			return
		}
		if c.MemoryKiB > maxCost.MemoryKiB || c.Passes > maxCost.Passes || c.Lanes > maxCost.Lanes || c.Lanes == 0 {
			t.Errorf("%q: cost %+v", s, c)
		}
		if phc(c, salt, key) != s {
			t.Errorf("%q is read as %q", s, phc(c, salt, key))
		}
	})
}
