// Package redisstore keeps a copy of the journal's newest events and of the live state in Redis, for everybody
// who is not this process: other nodes, gateways, people with redis-cli. docs/redis.md is its outside contract.
//
// Redis never decides what is accepted; the journal does. The mirror runs behind the commit, reads the journal,
// holds one portion in memory and keeps nobody waiting. Every change is one script that first compares the last
// id of the stream with what the writer believes it is: a repeat, a deposed writer, an emptied or rolled-back
// Redis are all seen by that, and nothing is ever half done. So a write is never retried blindly: after any
// failure the mirror asks where the stream ends and goes on from there.
package redisstore
