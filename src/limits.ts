// Every bound of jetgres and its reason (invariant 8). A queue, buffer, cache or retry that has no
// line here has no business existing.

export const limits = {
  /** Postgres's own MAX_STARTUP_PACKET_LENGTH, and the length itself, which that does not count. */
  startupPacketBytesMax: 10_004,
  /** Postgres's own: the largest frame is 1 GiB less one (PQ_LARGE_MESSAGE_LIMIT). */
  frameBytesMax: 0x3fffffff,
  /** A longer statement is relayed unseen: reading it would cost more than the local route gains. */
  inspectedSqlCharsMax: 1_000_000,
  /** Levels of a parse tree: the parser's stack was seen to end between 4,000 and 6,000. */
  sqlNestingMax: 2_500,
  /** How long a draining server waits for statements in hand. */
  drainMs: 10_000,

  /**
   * Deliveries asked of NATS at once. They may arrive in one go, which nats.js handles without
   * giving the event loop back: 5,000 would be 5 % faster, and hold sessions up twice as long.
   */
  pullBatch: 2_000,
  /** Measured: 1 MiB costs no throughput, 256 KiB a quarter of it. */
  pullBytesMax: 1024 * 1024,
  pullExpiresMs: 5_000,
  pullHeartbeatMs: 1_000,
  /** A stored delivery may be larger than pullBytesMax; NATS itself allows no more than 64 MiB. */
  pullBytesGrownMax: 128 * 1024 * 1024,
  /** Heartbeats that may stay out before the consumer is taken for lost. */
  heartbeatsMissedMax: 3,
  /** Between two looks at what the stream still holds, while a filtered reader lags behind. */
  streamCheckMs: 2_000,
  /**
   * Deliveries deleted from the middle of a stream that a SOURCE follows: the server tells all of
   * them each time, which is 100 KB. With more, their rows stay.
   */
  streamDeletionsMax: 10_000,
  /** Looks under way, per relation, at whether a server passed deliveries over: 0.1 ms each. */
  jumpLooksMax: 64,
  /**
   * Deliveries that a server passed over, in one hole, that are read one by one: 0.4 to 0.9 s on a busy
   * machine. With more, another consumer is faster, though it was seen to take 8 s.
   */
  holeDeliveriesMax: 2_000,
  /** Deliveries of a durable consumer that wait for their commit: more than pendingRowsMax. */
  ackPendingMax: 200_000,
  /** Between two checks of jumps: what comes meanwhile shares the next one. */
  jumpCheckSpacingMs: 5,
  /** Lives of this process whose consumers it still looks for: killed at once, one cleans up nothing. */
  formerLivesKept: 3,
  /** The server removes an abandoned consumer after this. */
  consumerInactiveMs: 300_000,
  /** Deliveries are decoded for so long before other work on the event loop gets its turn. */
  decodeSliceMs: 10,
  /** Received deliveries that wait to be decoded; beyond it the consumer isn't asked for more. */
  undecodedMax: 10_000,
  /** Decoded rows that wait for a commit; beyond it the consumer isn't asked for more. */
  pendingRowsMax: 100_000,
  pendingBytesMax: 64 * 1024 * 1024,
  /** Rows are on disk and visible at the latest after this. */
  commitIntervalMs: 1_000,
  /** A commit need not wait for its interval once it has this much to write. */
  commitRows: 50_000,
  commitBytes: 16 * 1024 * 1024,
  /** How long a statement waits for rows that the store refuses, before it is told why. */
  flushFailureWaitMs: 2_000,
  connectTimeoutMs: 5_000,
  /** How long a client waits where the upstream's queue is full: 2,000 at once took 9 s. */
  upstreamQueueMs: 30_000,
  upstreamQueuePollMs: 20,
  /** One JetStream request and its answer. */
  jetStreamRequestMs: 5_000,
  /** Between two attempts to reach a NATS server that went away. */
  natsReconnectDelayMs: 250,
  /** Two unanswered pings end a connection that only looks alive. */
  natsPingIntervalMs: 10_000,
  retryDelayMsMin: 100,
  retryDelayMsMax: 3_000,

  /** All of CREATE SECRET's: they are one file, written anew with each change. */
  secretsMax: 10_000,
  /** A certificate with its chain fits. */
  secretBytesMax: 64 * 1024,

  /** Dropped deliveries kept for inspection, per relation; the oldest go first. */
  droppedKeptPerRelation: 1_000,
  droppedPayloadBytesKept: 4_096,
  /** Stretches that were gone before they were read, kept per relation; the oldest go first. */
  gapsKeptPerRelation: 1_000,

  /**
   * WAL size at which the store folds it into its file. Writers wait meanwhile, 0.1 s at 10 M rows
   * and as much again for each 200,000 rows in the WAL: more of them would be noticed.
   */
  checkpointWalBytes: 8 * 1024 * 1024,
  /** A WAL of this size that cannot be folded is worth a word: reopening replays 100 MB/s. */
  checkpointLateBytes: 200 * 1024 * 1024,
  /** While nothing is written, a WAL of this size is worth a checkpoint after this long. */
  checkpointIdleWalBytes: 1024 * 1024,
  checkpointIdleMs: 5_000,
  /** Between two checkpoints, in what the first of them took: a quarter of the time is theirs. */
  checkpointRest: 3,
  /** The same where space is taken back: with less of the time, writers could outrun it. */
  vacuumRest: 1,
  /** Until that is tried again where a reader has kept it from its work. */
  vacuumRetryMs: 1_000,
  /**
   * Deleted rows are worth a step that takes their space back once they are such a share of a table.
   * DuckDB rewrites nothing where less than a quarter is deleted, but the table's end each time.
   */
  vacuumShare: 0.25,
  /**
   * Store connections lent to readers at once. A cursor that a client leaves open in its transaction
   * keeps one, so there must be as many as sessions; they cost little.
   */
  readersMax: 256,
  /** Of those, kept open for the next reader. */
  readersIdleMax: 16,
  /** How long a read waits for one of them. */
  readerWaitMs: 10_000,
  /** Snapshots that wait for one of them: about one for each session. */
  readersWaitingMax: 2_000,
  /** Transactions that wait for the store's writer: a few for each relation. */
  writesWaitingMax: 10_000,
  /** Prepared statements kept by each reader: preparing costs about as much as a small query. */
  preparedPerReader: 64,
  /** Results set aside, in all, because their snapshot was asked something else meanwhile. */
  heldResultBytesMax: 256 * 1024 * 1024,
  /** DuckDB's memory where nobody sets it: a database may run beside us. Its own default is 80 %. */
  storeMemoryPart: 1 / 4,
  /** What may be set: full batches into 3 M rows were seen to be committed with 48 MB. */
  storeMemoryRange: { min: 64 * 1024 * 1024, max: 1024 ** 5 },
  /**
   * Memory for look-ups by key, of all relations together: about 1.5 M rows of 200 bytes, or an index for
   * eleven million that lie in a file.
   */
  rowCacheBytesMax: 256 * 1024 * 1024,
  /** What may be set: the index of 12 M rows took half a second to grow, and nobody is served meanwhile. */
  lookupMemoryRange: { min: 0, max: 8 * 1024 ** 3 },
  /** Keys of one look-up that are answered from memory, which takes a microsecond or two each. */
  lookupKeysMax: 1_000,
  /** So many look-ups by key that missed are worth reading the relation into memory once. */
  rowCacheMisses: 16,
  /** The same where most rows go into a file: reading ten million takes a quarter of a minute and more of one core. */
  rowCacheMissesOfMany: 256,
  /** Of the disk, which that file leaves. */
  rowCacheDiskLeft: 2 * 1024 ** 3,
  /** Rows read before the size of all is estimated: a tenth of a second, and right to about a tenth. */
  rowCacheSampleRows: 50_000,
  /** Until a relation that had no room there, or could not be read, is tried again. */
  rowCacheRetryMs: 30_000,
  /** Read into memory before the event loop gets its turn: a fifth of a millisecond. With 2,048 look-ups took 70 ms. */
  rowCacheSliceRows: 128,
  /** How often a draining server looks for sessions that have become idle. */
  drainPollMs: 50,
  /** A client that isn't let in by then is dropped (Postgres's authentication_timeout). */
  startupMs: 60_000,
  /** Idle for so long, a peer is probed: ten probes, one a second, then the connection is over. */
  keepAliveMs: 60_000,
  /** What may wait of a client that isn't let in yet (Postgres's PG_MAX_AUTH_TOKEN_LENGTH). */
  unauthenticatedBytesMax: 65_535,
  /** Postgres's default is 4,096; an upstream that asks for more than this wants our time only. */
  scramIterationsMax: 10_000_000,
  /** A local SELECT that takes longer holds its backend: no cost to short ones, and soon enough for
   * whoever means to cancel it. */
  watchAfterMs: 50,
  /** Postgres shows no more of a statement by default (track_activity_query_size). */
  watchedSqlCharsShown: 1_000,
  /** Different reasons for relaying that are counted; what comes beyond is counted together. */
  relayReasonsKept: 100,
  /** The slowest statements kept to be shown, and for how long. */
  slowStatementsKept: 20,
  slowStatementMs: 3_600_000,
  /** Rows of jetgres.sessions: more than clients an upstream takes. */
  sessionsShownMax: 10_000,
  /** Sessions, connections to NATS and reasons for relaying on the status page: what one reads. */
  statusLinesMax: 100,
  statusReasonsMax: 20,
  /** Relations with metrics and a line of the status page of their own: ten lines a relation. */
  relationsShownMax: 500,
  /** Bytes read from a client ahead of the frame in hand. */
  clientReadAheadBytes: 256 * 1024,
  /** How long an upstream may take to close after its client is gone and its statement cancelled. */
  upstreamCloseMs: 10_000,
  /** How long a client may take to read the last of what it is sent, once its session is over. */
  clientLingerMs: 60_000,
  /** How long a host's role (primary or standby) is believed, where target_session_attrs asks. */
  hostRoleFreshMs: 1_000,
  listenBacklog: 1_024,
  /** A command is a word and a path. */
  controlRequestBytesMax: 16 * 1024,
  /** Commands under way or waiting. */
  controlConnectionsMax: 8,
  /** Between looks at another claimant of the data directory. */
  lockPollMs: 10,
  /** Between tries to start the embedded Postgres again. */
  embeddedRetryMs: 5_000,
  /** How long a SELECT under jetgres.consistency = stream waits for the stream's end. */
  catchUpMs: 10_000,
  /**
   * How long the first reads after a kill wait for rows that look-ups had shown before their commit. With
   * a stream that can't be read they then go on with what is committed. On a machine under four times its
   * load a restarted reader was seen to need five.
   */
  shownWaitMs: 10_000,
  /** How long CREATE … WITH (wait = 'caught_up') waits, whatever statement_timeout says: a day. */
  catchUpWaitMs: 86_400_000,
  /** Between two looks at whether it has caught up. */
  catchUpPollMs: 100,
  /** Between two notices of how far it is: the first pause, doubled until the last. */
  progressNoticeMsMin: 1_000,
  progressNoticeMsMax: 30_000,
  /** Between two lines of the log on relations that catch up. */
  progressLogMs: 10_000,
  /** How soon a twin that was dropped or renamed behind our back is noticed. */
  reconcileIntervalMs: 5_000,
  /** Connections of the maintenance role a database: each scratch scan holds one while it is read. */
  maintenanceConnectionsMax: 8,
  /** A prepared SELECT's plan is checked against names and privileges at least this often. */
  planFreshMs: 1_000,
  /**
   * How long nothing must have changed upstream before a plan is taken to be of that state: backends
   * hear of a change a moment after it shows, and what was asked may be planFreshMs old.
   */
  standstillMs: 2_000,
  /** Views over relations of one database that are known by name; the rest are relayed. */
  viewsKnownMax: 10_000,
  /** Tables and views that are no relations, those behind views included: one question tells of all. */
  besideMax: 50,
  /** Upstream tables beside relations that one SELECT may be answered with here. */
  upstreamTablesMax: 6,
  /**
   * Rows and text of them that are read for it: 10,000 take some 20 ms. Where there are more,
   * Postgres joins them as fast. Each reader of the store keeps the last it was lent.
   */
  upstreamRowsMax: 10_000,
  upstreamRowBytesMax: 4 * 1024 * 1024,
  /** Texts, or patterns of them, whose plan a session remembers, and their length. */
  keptPlans: 64,
  keptPlanCharsMax: 10_000,
  /** The same of all sessions together. */
  sharedPlans: 512,
  /** Of the rows of upstream tables that are kept with them. */
  lentBytesKeptMax: 64 * 1024 * 1024,
  /** SELECTs that need not be parsed again, of all sessions together. */
  knownSelects: 64,
  /** Sets of functions and operators whose meaning a session remembers for that long. */
  overloadAnswersKept: 200,
  /** Bytes of rows after which the socket's back-pressure is looked at: 2,048 rows of 500 bytes. */
  bytesPerWrite: 1024 * 1024,

  /** initdb takes 1 s, on a loaded machine several; a helper that hangs must not hang us. */
  helperRunMs: 60_000,
  helperOutputCharsKept: 4_096,
  /** The embedded Postgres may have to recover from a crash before it accepts connections. */
  embeddedStartMs: 120_000,
  /** How long a fast shutdown may take before an immediate one, and that before SIGKILL. */
  embeddedStopMs: 10_000,
  /** Last lines of the embedded Postgres's log kept for the message when it fails to start. */
  embeddedLogLinesKept: 20,
  /** How long the holder of a data directory has to name itself. */
  lockAnswerMs: 1_000,
  /** Probes are short; more than these at once is not monitoring. */
  httpConnectionsMax: 64,
  httpRequestMs: 5_000,
  httpHeaderBytesMax: 8_192,
  /** Between two looks at whether the upstream is there. */
  readinessMs: 5_000,
  /** Pages that follow the live feed: each holds one of httpConnectionsMax. */
  statusViewersMax: 16,
  /** Between two events of that feed. */
  statusFeedMs: 2_000,
  /** From the first signal to the end, drain included; then the process ends regardless. */
  closeMs: 30_000,

  /** Rows, and their text, that one transaction may write to relations: kept until its COMMIT. */
  writtenRowsMax: 100_000,
  writtenBytesMax: 64 * 1024 * 1024,
  /** Prepared statements of one connection of postgres_fdw's: one for each table being written. */
  backStatementsMax: 1_000,

  /** Nesting of one JSON document; Postgres itself stops at some thousands, by its stack. */
  jsonDepthMax: 1_000,
  /** One field's text once numbers are written out: "1e131071" is short, its digits are not. */
  fieldCharsMax: 64 * 1024 * 1024,
  /** Different field names a decoder remembers; names beyond it are looked up each time. */
  fieldNamesKept: 1_024,
  /** Time zones, and per zone the days, whose UTC offset is remembered. */
  zonesKept: 64,
  zoneDaysKept: 4_096,

  /**
   * Values of an Avro payload that take no byte (null, an empty record), beyond as many as it has
   * bytes: six bytes can announce a billion of them.
   */
  avroEmptyValuesMax: 10_000,

  /** A payload's schema, with all it imports: generous for texts and descriptor sets alike. */
  schemaBytesMax: 4 * 1024 * 1024,
  schemaFilesMax: 200,
  /** All of it, imports and redirects included: the statement waits meanwhile. */
  schemaFetchMs: 10_000,
  schemaRedirectsMax: 5,
  /** What a message about a schema quotes of it. */
  schemaFaultCharsMax: 500,
  schemaNamesShown: 20,

  /** Rows of one generate_series(): DuckDB makes them as one list of 8 bytes each. */
  seriesRowsMax: 1_000_000,
  /** Expressions nested deeper, or DuckDB text longer (guards repeat their operands), are relayed. */
  translatedDepthMax: 200,
  translatedSqlCharsMax: 100_000
} as const
