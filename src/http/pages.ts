// The files of the status page, served as they lie in page/. Reads each once; knows no others.

import { readFile } from 'node:fs/promises'

export interface Page {
  readonly type: string
  readonly body: Buffer
}

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html'],
  '/login': ['login.html', 'text/html'],
  '/page.css': ['page.css', 'text/css'],
  '/page.js': ['page.js', 'text/javascript'],
  '/icon.svg': ['icon.svg', 'image/svg+xml']
}

/** Beside dist/ and src/ alike. */
const folder = new URL('../../src/http/page/', import.meta.url)

/** @throws Error when a file is missing: the package is incomplete */
export async function loadPages(): Promise<ReadonlyMap<string, Page>> {
  const entries = Object.entries(FILES).map(async ([path, [file, type]]) => {
    return [path, { type, body: await readFile(new URL(file, folder)) }] as const
  })
  return new Map(await Promise.all(entries))
}
