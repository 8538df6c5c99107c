// Makes a damaged store whole again, while no jetgres runs on it: what can be read stays, every other
// relation is emptied and put where it once began, so that its stream fills it again. Owns the order
// in which files take each other's place; must never change the damaged ones.

import { copyFile, rename, rm, stat } from 'node:fs/promises'
import { constants } from 'node:fs'

import type { Logger } from '../log.ts'
import { definitionsPath, readDefinitions } from '../store/definitions-copy.ts'
import type { KeptDefinition } from '../store/definitions-copy.ts'
import { Store } from '../store/store.ts'
import { readDefinition } from './definition.ts'
import type { Definition } from './definition.ts'

export interface Rebuilt {
  readonly definition: Definition
  /** False: it has no rows, and is read anew when jetgres starts. */
  readonly isKept: boolean
}

export interface Rebuild {
  readonly relations: readonly Rebuilt[]
  /** Where the store's file is now, as it was; undefined when there was none. */
  readonly asideAt: string | undefined
}

/** Where the rows of a relation made before `from` was kept begin: whatever the stream holds. */
const BEGINNING = { sequence: 0, created: '' }

/**
 * @param name one relation to be read anew, whatever it is like: [[database.]schema.]name
 * @throws Error in words for whoever gave the command; then nothing has changed
 */
export async function rebuildStore(path: string, log: Logger, name?: string): Promise<Rebuild> {
  const draft = `${path}.rebuilt`
  await removeStore(draft)
  try {
    const known = await readDefinitions(path).catch(() => undefined)
    const store = await openWhatCanBe(path, draft, log)
    let relations
    try {
      relations = await repair(store, known?.relations, name, log)
    } finally {
      await store.close()
    }
    return { relations, asideAt: await exchange(path, draft) }
  } finally {
    await removeStore(draft)
  }
}

/** As it is; else without what was written since the last checkpoint; else an empty one. */
async function openWhatCanBe(path: string, draft: string, log: Logger): Promise<Store> {
  for (const endings of [['', '.wal'], ['']]) {
    await removeStore(draft)
    log.info({ path }, 'copying the store and reading all of it')
    for (const ending of endings) await copyIfThere(`${path}${ending}`, `${draft}${ending}`)
    const store = await Store.open({ path: draft, log }).catch((err: unknown) => {
      log.warn({ err }, 'the store cannot be opened like this')
    })
    if (!store) continue
    const isWhole = await store.verify('losses').then(
      () => true,
      () => false
    )
    if (isWhole) return store
    await store.close()
  }
  await removeStore(draft)
  return Store.open({ path: draft, log })
}

async function repair(
  store: Store,
  known: readonly KeptDefinition[] | undefined,
  name: string | undefined,
  log: Logger
): Promise<Rebuilt[]> {
  const found = new Map((await store.definitions()).map((kept) => [kept.id, kept.definition]))
  const wanted = known ?? [...found].map(([id, definition]) => ({ id, definition }))
  if (wanted.length === 0) throw new Error('no relation is known here: there is nothing to rebuild')
  const named = name === undefined ? undefined : idOf(wanted, name)
  const kept = new Set(wanted.map(({ id }) => id))
  for (const id of found.keys()) if (!kept.has(id)) await store.drop(id)
  const rebuilt: Rebuilt[] = []
  for (const { id, definition: text } of wanted) {
    const definition = readDefinition(text)
    const isKept =
      id !== named && hasColumns(found.get(id), definition) && (await isReadable(store, id))
    if (!isKept) await store.reset(definition.schema, text, definition.from ?? BEGINNING)
    else if (found.get(id) !== text) await store.redefine(id, text)
    rebuilt.push({ definition, isKept })
    const facts = { relation: labelOf(definition), isKept, done: rebuilt.length, of: wanted.length }
    log.info(facts, 'relation looked at')
  }
  return rebuilt
}

const hasColumns = (stored: string | undefined, { schema }: Definition): boolean =>
  stored !== undefined && JSON.stringify(readDefinition(stored).schema) === JSON.stringify(schema)

const isReadable = (store: Store, id: number): Promise<boolean> =>
  store.verify(id).then(
    () => true,
    () => false
  )

function idOf(known: readonly KeptDefinition[], wanted: string): number {
  const matches = known.filter(({ definition }) => {
    const { database, schemaName, name } = readDefinition(definition)
    const full = `${database}.${schemaName}.${name}`
    return full === wanted || full.endsWith(`.${wanted}`)
  })
  const [match, ...others] = matches
  if (match && others.length === 0) return match.id
  const names = (match ? matches : known).map(({ definition }) =>
    labelOf(readDefinition(definition))
  )
  const problem = match ? 'could be several relations' : 'is no relation here'
  throw new Error(`"${wanted}" ${problem}: ${names.join(', ')}`)
}

/** database.schema.name */
export const labelOf = ({ database, schemaName, name }: Definition): string =>
  `${database}.${schemaName}.${name}`

/** A crash between two steps leaves no store, and one that is missing is refused at the start. */
async function exchange(path: string, draft: string): Promise<string | undefined> {
  const aside = `${path}.damaged-${new Date().toISOString().replaceAll(':', '')}`
  const isThere = await stat(path).then(
    () => true,
    () => false
  )
  for (const ending of ['', '.wal']) await renameIfThere(`${path}${ending}`, `${aside}${ending}`)
  await rename(definitionsPath(draft), definitionsPath(path))
  await rename(draft, path)
  return isThere ? aside : undefined
}

async function removeStore(path: string): Promise<void> {
  for (const file of [path, `${path}.wal`, definitionsPath(path)]) await rm(file, { force: true })
}

const copyIfThere = (from: string, to: string): Promise<void> =>
  unlessMissing(copyFile(from, to, constants.COPYFILE_FICLONE))

const renameIfThere = (from: string, to: string): Promise<void> => unlessMissing(rename(from, to))

async function unlessMissing(work: Promise<void>): Promise<void> {
  await work.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
