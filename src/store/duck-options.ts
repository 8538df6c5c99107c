// How DuckDB is opened. backup.ts says what files it reaches afterwards.

import type { StoreOptions } from './store.ts'

/** DuckDB's settings, by name. */
export function duckOptions({ memoryBytesMax, threads }: StoreOptions): Record<string, string> {
  return {
    // Nothing is ever fetched from the network.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Checkpoints are the writer's business; DuckDB's own come at 16 MB and are 5 times slower.
    checkpoint_threshold: '1TB',
    // As Postgres sorts.
    default_null_order: 'nulls_last_on_asc_first_on_desc',
    ...(memoryBytesMax === undefined ? {} : { memory_limit: `${memoryBytesMax}B` }),
    ...(threads === undefined ? {} : { threads: String(threads) })
  }
}
