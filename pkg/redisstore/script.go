package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Schema is the version of the key space. A writer refuses to write where a newer one has.
const Schema = 1

//go:embed apply.lua
var applySource string

var applyScript = redis.NewScript(applySource)

// Reasons why a change was not made. They are answers of Redis, not failures of the link.
var (
	// ErrMoved means that the stream does not end where the writer believed.
	ErrMoved = errors.New("the stream ends elsewhere")
	// ErrDeposed means that a writer of a later epoch has been here.
	ErrDeposed = errors.New("deposed: a later epoch writes")
	// ErrSchema means that a newer Banyan has written the keys.
	ErrSchema = errors.New("the keys were written by a newer Banyan")
	// ErrForeign means that the stream holds what this journal does not.
	ErrForeign = errors.New("the stream holds events that this journal does not")
)

// change is a number of operations that happen together, or not at all.
type change struct {
	names Names
	keys  []string
	index map[string]int
	args  []any
	bytes int
}

func (n Names) change() *change {
	c := &change{names: n, index: map[string]int{}}
	c.key(n.Events())
	c.key(n.Meta())
	return c
}

// key returns the index of a key in KEYS.
func (c *change) key(name string) int {
	i, ok := c.index[name]
	if !ok {
		c.keys = append(c.keys, name)
		i = len(c.keys)
		c.index[name] = i
	}
	return i
}

// do adds an operation on one key.
func (c *change) do(command, key string, words ...any) {
	c.args = append(c.args, len(words), c.key(key), command)
	c.args = append(c.args, words...)
	for _, w := range words {
		switch w := w.(type) {
		case []byte:
			c.bytes += len(w)
		case string:
			c.bytes += len(w)
		}
	}
}

// any as the expected id means that the change is right wherever the stream ends.
const anyID = "*"

// apply makes the change if the stream ends at expected ("" if there is none) and returns where it ends then.
// Of the errors, ErrMoved, ErrDeposed and ErrSchema mean that nothing was done; any other that nobody knows.
func (c *change) apply(ctx context.Context, client redis.UniversalClient, expected string, epoch uint32) (last string, err error) {
	args := append(make([]any, 0, len(c.args)+3), expected, Schema, epoch)
	args = append(args, c.args...)
	answer, err := applyScript.Run(ctx, client, c.keys, args...).StringSlice()
	if err != nil {
		return "", err
	}
	if len(answer) < 2 {
		return "", fmt.Errorf("the script answered %q", answer)
	}
	switch answer[0] {
	case "ok":
		if len(answer) > 2 && answer[2] != "" {
			return answer[1], &stateError{answer[2]}
		}
		return answer[1], nil
	case "moved":
		return answer[1], ErrMoved
	case "epoch":
		return "", fmt.Errorf("%w: %s, this is %d", ErrDeposed, answer[1], epoch)
	case "schema":
		return "", fmt.Errorf("%w: schema %s, this one writes %d; stop it, or upgrade this node", ErrSchema, answer[1], Schema)
	}
	return "", fmt.Errorf("the script answered %q", answer)
}

// stateError says that the events were written but part of the live state was not: a key of another type.
type stateError struct{ what string }

func (e *stateError) Error() string { return "live state: " + e.what }

// ID is the place of an event in the stream.
type ID struct {
	Epoch uint32
	Seq   uint64
}

// String returns the id as Redis has it.
func (id ID) String() string {
	return strconv.FormatUint(uint64(id.Epoch), 10) + "-" + strconv.FormatUint(id.Seq, 10)
}

// ParseID reads an id of the stream; "" and "0-0" are the zero ID.
func ParseID(s string) (id ID, err error) {
	if s == "" {
		return id, nil
	}
	epoch, seq, ok := strings.Cut(s, "-")
	e, err1 := strconv.ParseUint(epoch, 10, 32)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return id, fmt.Errorf("the stream has the id %.40q, which is none of ours (<epoch>-<seq>)", s)
	}
	return ID{uint32(e), n}, nil
}
