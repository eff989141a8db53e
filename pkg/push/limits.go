package push

import "time"

// Bounds of what a client may send. They are part of the outside contract (docs/protocol.md).
const (
	MaxClientFrameBytes = 8 << 10 // one request; a longer one is answered with too_large and close 1009
	MaxTopics           = 32      // of one subscription
	MaxCells            = 512     // of one subscription, all its cells topics together
	MaxTopicIDBytes     = 128     // of a department, seat or incident in a topic
	MinCellResolution   = 5       // coarsest H3 resolution of a cells topic
	MaxCellResolution   = 9       // finest; the resolution incidents are placed at
	maxPingIDBytes      = 64      // of the id a ping carries and its pong repeats
)

// Rates of what a client may send: sustained per second, and how many at once.
const (
	subscribesPerSecond = 1
	subscribeBurst      = 10 // past it the subscribe is refused, the connection lives
	requestsPerSecond   = 20
	requestBurst        = 60 // past it the connection is closed: websocket pings and pongs count too
	drawnPerSecond      = 1  // reports of what a screen shows; more are passed over
	drawnBurst          = 3
)

// Defaults of Options.
const (
	DefaultRingEvents      = 64 << 10         // about two minutes of the greatest load aimed at
	DefaultRingBytes       = 64 << 20         // both encodings counted
	DefaultConnBufferBytes = 256 << 10        // deltas that wait behind the frame a slow client is taking
	DefaultMaxConns        = 20_000           // 4 KB each: 80 MB
	DefaultMaxConnsPerName = 10_000           // one key on every screen of a hall is normal
	DefaultHeartbeat       = 5 * time.Second  // at most this long without a frame
	DefaultPing            = 20 * time.Second // between two websocket pings
	DefaultSilence         = 45 * time.Second // without a sign of life, then closed
	DefaultWriteTimeout    = 10 * time.Second // for laneChunkBytes to a client that reads slowly, then closed
)

// Bounds inside.
const (
	maxFrameBytes    = 256 << 10              // an events frame that would be longer is split
	maxResumeBytes   = 1 << 20                // deltas of a resume; past it a snapshot is shorter
	laneChunkBytes   = 16 << 10               // one write of a slow lane under one deadline
	maxLingerBytes   = 64 << 10               // read and thrown away while waiting for the end after a close frame
	maxSnapshotTries = 3                      // in a row that were already too old for the ring when they were sent
	shareAge         = 100 * time.Millisecond // how long a snapshot answers those who ask for the same
	closeWait        = 2 * time.Second        // for the other side's answer to a close frame
	handshakeTimeout = 5 * time.Second        // to write the answer to the upgrade
	sweepsPerBeat    = 5                      // how often in a Heartbeat the shards look for silence
	gatePlaces       = 4                      // upgrades and beginnings a processor at once
	gateRest         = time.Millisecond       // longest that the place of one that has passed stays empty
	yieldEvery       = 128                    // writes after which a shard lets others have the processor
	restFrom         = 4 * time.Millisecond   // of writing, from which a shard that is behind rests as long as it wrote
	maxRest          = 20 * time.Millisecond  // of such a rest
	maxDrawnAge      = time.Minute            // of a report that counts
	perEntryBytes    = 128                    // what a ring entry or item costs beside its encodings
)
