// Every bound of jetgres and its reason (invariant 8). A queue, buffer, cache or retry that has no
// line here has no business existing.

export const limits = {
  /** Postgres's own MAX_STARTUP_PACKET_LENGTH. */
  startupPacketBytesMax: 10_000,
  /** Postgres's own: the largest frame is 1 GiB less one (PQ_LARGE_MESSAGE_LIMIT). */
  frameBytesMax: 0x3fffffff,
  /** A longer statement is relayed unseen: reading it would cost more than the local route gains. */
  inspectedSqlCharsMax: 1_000_000,
  /** How long a draining server waits for statements in hand. */
  drainMs: 10_000,

  /** Deliveries asked of NATS at once; reference figure: beyond 5,000 the gain is under 5 %. */
  pullBatch: 5_000,
  pullBytesMax: 4 * 1024 * 1024,
  pullExpiresMs: 5_000,
  pullHeartbeatMs: 1_000,
  /** Decoded rows that wait for a commit; beyond it the consumer isn't asked for more. */
  pendingRowsMax: 100_000,
  pendingBytesMax: 64 * 1024 * 1024,
  /** Rows are on disk and visible at the latest after this. */
  commitIntervalMs: 1_000,
  connectTimeoutMs: 5_000,
  retryDelayMsMin: 100,
  retryDelayMsMax: 3_000,

  /** Dropped deliveries kept for inspection, per relation; the oldest go first. */
  droppedKeptPerRelation: 1_000,
  droppedPayloadBytesKept: 4_096,

  /** WAL size at which the store checkpoints: reopening after kill -9 replays about 100 MB/s. */
  checkpointWalBytes: 200 * 1024 * 1024,
  /** Store connections kept open for readers. */
  readersMax: 16,
  /** Rows encoded between two looks at the socket's back-pressure. */
  rowsPerWrite: 2_048
} as const
