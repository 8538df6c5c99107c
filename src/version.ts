// Which jetgres this is: package.json's word.

import { readFile } from 'node:fs/promises'

export async function version(): Promise<string> {
  const about: unknown = JSON.parse(
    await readFile(new URL('../package.json', import.meta.url), 'utf8')
  )
  return String((about as { version: unknown }).version)
}
