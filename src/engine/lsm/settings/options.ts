/** What can be set when a database is opened, with defaults and bounds. */
import type { Durability } from "../../contract/index.ts";
import type { CompactionPolicy } from "../compaction/index.ts";
import type { Host } from "../host/index.ts";
import type { RecoveryMode } from "../recovery/index.ts";
import type { LsmEventListener } from "../report/index.ts";
import type { Compression } from "../sstable/index.ts";

export interface LsmOptions {
  /** The directory of the database; it is created, with its parents, when it is not there. */
  readonly path: string;
  /** Files, clock, randomness and timers. Default: those of Node. */
  readonly host?: Host;
  /**
   * When a commit is acknowledged and becomes visible to readers. "durable" (default): after it is synced to the disk;
   * "buffered": after it is given to the operating system, so that it survives the process but not a power cut;
   * "memory": at once. A power cut under the weaker levels loses the newest commits, never part of one.
   */
  readonly durability?: Durability;
  /**
   * The sizes and times that are refused. "local" (default): keys of 4,096 bytes, values of 32 MiB, commits of 256 MiB,
   * transactions of 10 s. "portable": what holds on every engine, so that the data can move to any of them.
   */
  readonly limits?: "local" | "portable";
  /** A memtable that holds this many bytes is written to a table. Default 16 MiB; at most three of them are in memory. */
  readonly flushBytesMax?: number;
  /**
   * close() writes what is in memory to tables if it is no more than this, in bytes, so that the next opening has no log to
   * replay. It waits five seconds for that at most; what is not written then stays in its log, safe as before. Default
   * 64 MiB, up to 4 GiB; 0: never.
   */
  readonly closeFlushBytesMax?: number;
  /**
   * How large the file of a log usually gets, in bytes. Room is made ahead of the commits, in steps of 1 MiB or of this
   * size if that is less, and a file of up to twice this size is used again for a later log: a sync of room that is there
   * is quicker than one of a file that grows. At most two unused ones are kept. Default: a quarter more than
   * flushBytesMax, at most 64 MiB; from 512 bytes to 1 GiB.
   */
  readonly walFileBytes?: number;
  /**
   * Memory for blocks of tables, in bytes: rows, indexes and filters. Default 32 MiB, from 64 KiB to 64 GiB. Where filters
   * do not fit, a lookup of an absent key may read a block for each level: 2.25 bytes for each key and for each prefix that
   * joins are all of them. A sixteenth of it remembers where lookups found their rows.
   */
  readonly blockCacheBytesMax?: number;
  /**
   * How tables are compacted. "leveled" (default): one sorted run a level; reads and space are cheapest. "lazy-leveled":
   * runs are gathered above one large one; writes cost less, reads look into more runs. "tiered": as many runs as the
   * trigger allows, and up to three times the space. "fifo": nothing is merged but small tables, and the oldest tables are
   * dropped beyond `fifoBytesMax`: this loses the oldest data by design, whether or not a view is open on it. A database
   * may be opened with another policy than before; its tables find their places by and by.
   */
  readonly policy?: CompactionPolicy;
  /**
   * What the defaults of the sizes below are made for; what is set by itself goes before it. As the specification's
   * presets of maxSstables/minCompactionFiles: "balanced" (default) 10/4; "write-heavy" 20/8, and 256 MiB in the base level;
   * "read-heavy" 5/2; "memory-constrained" 3/2, memtables of 4 MiB, a block cache of 8 MiB, 16 MiB in the base level.
   */
  readonly profile?: CompactionProfile;
  /** The specification's name of `l0TablesTrigger`, which goes before it: sorted runs that reads may have to look into. */
  readonly maxSstables?: number;
  /**
   * At least so many tables of level 0, or sorted runs, are merged at a time where they stay in level 0 or the policy gathers
   * runs; a merge down the levels takes what overlaps. Default by profile; from 2 to 64, at most the trigger.
   */
  readonly minCompactionFiles?: number;
  /**
   * Reads from table files that take longer than this on average, in microseconds, no longer block the thread: gets and
   * scans then give promises, until reads are quick again. Blocks in the operating system's cache take a few microseconds.
   * Default 200, from 0 (no read of a get or a scan ever blocks) to 1,000,000.
   */
  readonly slowReadMicros?: number;
  /**
   * Where syncs of the log took less than this of late, in microseconds, the sync of a commit that waits alone blocks the
   * thread: on a quick disk handing it to another thread takes as long again. Commits that wait together are synced beside
   * the thread always. Default 500, from 0 (no sync of a commit ever blocks) to 1,000,000.
   */
  readonly quickSyncMicros?: number;
  /**
   * So many table files are open at a time; one that is read when more are needed is opened again. Default 500, from 8 to
   * 1,000,000. Of each table, its file open or not, the top of the index and the way to its filter stay in memory: a few
   * KiB, and at most 16 KiB of filter where it is that small. All else shares the block cache: about 2.25 bytes of filter
   * for each key and for each prefix that joins, and blocks of index and rows.
   */
  readonly openTablesMax?: number;
  /** So many tables in level 0, or sorted runs where the policy gathers them, start a compaction. Default 10, from 2 to 64. */
  readonly l0TablesTrigger?: number;
  /**
   * How large the first level beneath level 0 may grow, in bytes, and so much in level 0 starts a compaction too. Default
   * 64 MiB. Which level is the first depends on how much data there is: the levels are filled from the last one upwards.
   */
  readonly levelBaseBytes?: number;
  /** Policy "fifo": beyond so many bytes of tables the oldest are dropped. Default 1 GiB. */
  readonly fifoBytesMax?: number;
  /**
   * A table of which so many percent of the data blocks are dense with deletes (half of the entries, or 100 of them) is
   * compacted when there is nothing else to do. Default 5, from 1 to 100. Not with "tiered" but for the oldest run, nor "fifo".
   */
  readonly tombstoneDensePercent?: number;
  /**
   * Tables that were written so many milliseconds ago are rewritten, so that what was deleted or overwritten leaves the disk
   * within about this time a level. Looked at when there is background work, so not while nobody writes. Default 0: never; else at
   * least 1,000.
   */
  readonly periodicMillis?: number;
  /** How much larger each level is than the one above it. Default 10, from 2 to 100. */
  readonly levelFanOut?: number;
  /** How large tables get that compaction writes, in bytes. Default 8 MiB. */
  readonly tableBytesTarget?: number;
  /**
   * How blocks of tables are compressed. "none"; "fast" (default): LZ4; "dense": deflate, smaller by a quarter again, three
   * times slower to write and to read; "zstd": as small as "dense" and quicker to write, but only Node 22.15 and later can
   * write it, and read the database from then on. Tables that are there stay as they are until they are compacted.
   */
  readonly compression?: Compression;
  /**
   * The same for the deepest level, which holds most of the data and is rewritten least. Default "fast": "dense" takes a
   * quarter less room for documents, and a get that misses the cache takes twice as long.
   */
  readonly bottomCompression?: Compression;
  /**
   * How large blocks of tables become before compression, in bytes. Default 8 KiB, which is also the most, since it is a
   * slot of the block cache; from 128. Smaller blocks make single reads cheaper and the index and the files larger.
   */
  readonly blockBytes?: number;
  /**
   * Lengths of prefixes of keys, in bytes, that join the filters of tables: a scan over keys that share so many bytes passes
   * by the tables that have none of them. Default [4, 7, 12], which serve the rows and indexes of collections; at most four
   * lengths, from 1 to 255, rising; [] for none. Each distinct prefix takes 18 bits; a table leaves a length out of which
   * it has more than half as many prefixes as keys.
   */
  readonly prefixFilterBytes?: readonly number[];
  /** How long the engine remembers commits to validate open transactions, in milliseconds. Default: that of `limits`. */
  readonly transactionMillisMax?: number;
  /** How much it remembers of them, in bytes. Default 64 MiB. */
  readonly recentCommitsBytesMax?: number;
  /**
   * Is told of flushes, compactions, stalls, damage, a full disk and what opening found, in the order in which they
   * happen, each in a turn of the event loop of its own. What it throws is a warning of the process and counted in
   * report().listenerFailures; it harms nothing. Default: nobody is told.
   */
  readonly onEvent?: LsmEventListener;
  /**
   * Opens the database to read it and changes nothing on the disk: no manifest, no log, nothing swept; what the logs hold
   * is read into memory. Works in a folder that cannot be written to. Refused with DatabaseLocked while anybody else has
   * the database open; writes are refused with StorageError 'OpenedReadOnly'. Default false.
   */
  readonly readOnly?: boolean;
  /** How much memory a bulk load may take for rows that it sorts, in bytes. Default 32 MiB; a larger row still fits. */
  readonly loadBytesMax?: number;
  /**
   * What is done about damage that is found while opening. "strict" (default): refused, and nothing is changed.
   * "point-in-time": logs are read up to the first damaged record. "salvage": all that can be read is served, also where
   * logs, tables or the manifest are damaged or missing. What was lost is told by the engine's recoveryReport, and the
   * damaged files are kept in the folder `lost` of the database.
   */
  readonly recovery?: RecoveryMode;
  /**
   * Keeps the commits of the past in order, so that changes() can give them from a version on; absent (default): they are
   * not kept, and that costs nothing. The oldest logs go when all of them hold more than `bytesMax` (default 256 MiB, from
   * 1 KiB), or when they were closed more than `millisMax` ago (default 7 days, from 1); this is looked at after each
   * flush and when the database is opened.
   */
  readonly changeLog?: { readonly bytesMax?: number; readonly millisMax?: number };
  /** How long background work may keep the thread before others get a turn, in milliseconds. Default 2; 0: one entry. */
  readonly sliceMillis?: number;
  /**
   * Who writes memtables to tables and compacts tables. "auto" (default): a thread of its own, started by the first work
   * that is worth it, where the host has threads; "off": always the thread of the program, in slices of `sliceMillis`.
   */
  readonly backgroundThread?: "auto" | "off";
  /**
   * A flush or compaction that reads so many bytes starts the background thread, which takes some 50 ms of another
   * processor and 10 MB of memory. Default 4 MiB; 0: the first one of any size.
   */
  readonly backgroundThreadBytesMin?: number;
  /**
   * When compaction has so many bytes to write until the tree is in shape, commits are slowed, the more the further it is
   * behind: from 32 MiB a second down to 1 MiB a second at four times this. Default 1 GiB.
   */
  readonly compactionDebtBytesSlow?: number;
}

export type CompactionProfile = "balanced" | "write-heavy" | "read-heavy" | "memory-constrained";
