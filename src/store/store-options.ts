// What a store is opened with, and how DuckDB is. backup.ts says what files that reaches afterwards.

import { totalmem } from 'node:os'
import { join } from 'node:path'
import { constrainedMemory } from 'node:process'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'

/** Where a data directory has it. */
export const storePathIn = (dataDir: string): string => join(dataDir, 'store.duckdb')

export interface StoreOptions {
  /** The file; its WAL lies beside it, as `<path>.wal`. Made when missing. */
  readonly path: string
  readonly log: Logger
  /** DuckDB's memory_limit, in bytes. Default: limits.storeMemoryPart of what there is. */
  readonly memoryBytesMax?: number | undefined
  /** DuckDB's threads. DuckDB's default: one a core. */
  readonly threads?: number | undefined
  /** Memory for rows that are looked up by key. Default: limits.rowCacheBytesMax. */
  readonly rowCacheBytesMax?: number | undefined
}

/** A part of what the machine has, or the container where that has less. */
function defaultMemory(): number {
  // Without a limit it is 0, or larger than any machine.
  const given = constrainedMemory()
  const there = given > 0 ? Math.min(given, totalmem()) : totalmem()
  return Math.max(limits.storeMemoryRange.min, Math.floor(there * limits.storeMemoryPart))
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
    memory_limit: `${memoryBytesMax ?? defaultMemory()}B`,
    ...(threads === undefined ? {} : { threads: String(threads) })
  }
}
