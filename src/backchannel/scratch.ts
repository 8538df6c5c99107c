// A scan whose condition the translator does not know: the rows go into a scratch table on a
// maintenance connection and Postgres itself evaluates the SELECT over them. Slow, and right.

import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'

import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

import type { Relation } from '../catalog/relation.ts'
import type { Snapshot } from '../store/snapshot.ts'
import type { MaintenanceDatabase } from '../upstream/maintenance.ts'
import type { Scan, ScanRequest } from './scan.ts'
void once
void pipeline
void Readable
void copyFrom
export async function openScratch(
  request: ScanRequest,
  relation: Relation,
  snapshot: Snapshot,
  database: MaintenanceDatabase
): Promise<Scan> {
  void request
  void relation
  void snapshot
  void database
  throw new Error('not yet')
}
export type { pg }
