// What a store is opened with, and how DuckDB is. backup.ts says what files that reaches afterwards.

import { join } from 'node:path'

import type { Logger } from '../log.ts'

/** Where a data directory has it. */
export const storePathIn = (dataDir: string): string => join(dataDir, 'store.duckdb')

export interface StoreOptions {
  /** The file; its WAL lies beside it, as `<path>.wal`. Made when missing. */
  readonly path: string
  readonly log: Logger
  /** DuckDB's memory_limit, in bytes. DuckDB's default: 80 % of the machine. */
  readonly memoryBytesMax?: number | undefined
  /** DuckDB's threads. DuckDB's default: one a core. */
  readonly threads?: number | undefined
  /** Memory for rows that are looked up by key. Default: limits.rowCacheBytesMax. */
  readonly rowCacheBytesMax?: number | undefined
}

/** DuckDB's settings, by name. */
export function duckOptions({ memoryBytesMax, threads }: StoreOptions): Record<string, string> {
  return {
    // Nothing is ever fetched from the network.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Checkpoints are the writer's business; DuckDB's own come at 16 MB and are 5 times slower.
    checkpoint_threshold: '1TB',
    // So is taking back the space of deleted rows, all of which DuckDB would do in one checkpoint.
    max_vacuum_tasks: '0',
    // Groups of whole numbers within so many bits have their places in an array, which is over twice
    // as fast as hashing 5 M rows into 10,000 groups; made for nothing it costs 5 ms at the most.
    perfect_ht_threshold: '14',
    // As Postgres sorts.
    default_null_order: 'nulls_last_on_asc_first_on_desc',
    ...(memoryBytesMax === undefined ? {} : { memory_limit: `${memoryBytesMax}B` }),
    ...(threads === undefined ? {} : { threads: String(threads) })
  }
}
