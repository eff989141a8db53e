// Package journal is an append-only log of framed, checksummed bytes, with snapshots beside it. It knows
// nothing of what the bytes mean, only that each frame holds a run of consecutive sequences.
//
// # Promise
//
// When [Journal.Append] returns nil the batch survives a crash of the process and of the machine. A batch
// whose Append did not return nil is found whole or not at all. What was accepted and cannot be read is a
// [CorruptError] that names segment, offset and sequence; it is never passed over.
//
// Open reads and checks, before it returns, the newest snapshot that is whole and every segment that holds a frame
// after it: a start costs what came since, whatever the journal has grown to. Of older segments it checks that none
// is missing or foreign, and reads them beside the work, once, at a quarter of a processor at most. Damage found so
// ends the journal as a failed write does, under the same error; the file "damaged" is left, and while it is there
// Open reads everything first, so that a damaged journal starts once and not again. What a caller reads is checked at
// that moment in any case: wrong bytes are never given out.
//
// # Files of a directory
//
//	00000000000000000001.seg   segment, named by the first sequence it may hold; never removed
//	00000000000000012345.snap  snapshot of everything up to that sequence; the two newest are kept
//	committed                  high-water mark: the last accepted sequence and batch
//	damaged                    damage was found while the journal was open; removed by an Open that finds none
//	lock                       held (flock) by the process that writes
//	*.tmp                      unfinished; removed at the next Open
//
// All integers are little endian, all checksums CRC32C (Castagnoli).
//
// # Segment
//
// A segment is allocated and zeroed before use, so that the fdatasync of a batch writes data only. It
// begins with a header of 128 bytes:
//
//	  0  [8]byte  "BANYSEG\n"
//	  8  uint32   version, 2
//	 12  uint32   0
//	 16  uint64   sequence of the first frame, as in the name
//	 24  uint64   number of the first batch
//	 32  uint64   salt, random
//	 40  uint64   salt of the segment before it, 0 for the first
//	 48  [32]byte value of the chain before its first frame
//	 80  [44]byte 0
//	124  uint32   checksum of the 124 bytes before
//
// Frames follow without gaps; what is behind the last is zero. A batch lies within one segment: one that
// does not fit begins the next, which is larger than usual if the batch needs it.
//
// # Frame
//
// A header of 80 bytes and the payload, padded with zeros to a multiple of 8:
//
//	 0  [4]byte  "BNYF"
//	 4  uint32   bytes of the payload, without padding
//	 8  uint64   number of the batch; batches count 1, 2, 3 … through all segments
//	16  uint64   sequence of the first event
//	24  uint32   epoch
//	28  uint32   events, at least 1; the next frame's sequence is higher by this
//	32  uint32   flags: 1 = last frame of its batch
//	36  uint32   position in the batch, from 0
//	40  uint32   checksum of payload and padding
//	44  uint32   checksum of: salt of the segment (8 bytes), offset of the frame (8 bytes), the 44 bytes before, the 32 behind
//	48  [32]byte value of the chain behind the frame
//
// Salt and offset make a header valid in one place only: neither a payload that looks like a frame nor
// a block that went astray is taken for one.
//
// # Chain
//
// The value of the chain behind a frame is SHA-256 of: the value before it (32 bytes; zeros before the first frame of all),
// its sequence (8 bytes), epoch, events, bytes of payload (4 bytes each), and the payload. What was altered, removed, put in
// or moved is found by [Verify] though every checksum be right. Whoever can write the files can make the whole chain anew
// from some frame on; its head is then another, so a head that was written down elsewhere proves everything before it.
// Open does not compute it: a centre starts though somebody has tampered with its past, and says so when it is asked.
//
// A segment of version 1 has a header of 64 bytes that ends, at 60, with the checksum of the 60 before, and frames whose
// header ends at 48. Such frames have a value all the same, which is computed and not stored. The first Open by a program
// that chains begins a segment of version 2, whose header binds them.
//
// # Torn or corrupt
//
// Batches are written one after the other, each after the one before is on disk. So a frame that cannot be
// read, with the header of a later batch anywhere behind it or a later segment, was accepted: corruption.
// The same holds at or below the high-water mark and the newest snapshot. Anything else behind the last
// complete batch is what a crash left of a batch nobody was told about: it is zeroed, durably, at Open.
//
// The mark (32 bytes: "BANYMRK\n", uint64 sequence, uint64 batch, uint32 checksum of the 24 bytes before,
// uint32 0) is written after each fdatasync and not synced itself: it may be old, and is ignored when
// invalid, but it is never ahead. It makes the verdict certain after a crash of the process, and after one
// of the machine up to where the kernel had written it back.
//
// # Snapshot
//
// A header of 32 bytes, then blocks of at most 256 KiB, then an end mark, then nothing:
//
//	header  [8]byte "BANYSNP\n", uint32 version 1, uint32 0, uint64 sequence, uint32 0, uint32 checksum of the 28 bytes before
//	block   uint32 length, uint32 checksum, bytes
//	end     uint32 0, uint32 checksum
//
// The checksum of a block runs on from the one before it (the first from the header's) over length and bytes,
// so that no block can be missing, moved or another snapshot's. A snapshot is written to a temporary file,
// synced and renamed.
package journal
