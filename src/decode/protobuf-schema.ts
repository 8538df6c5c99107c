// From a schema's location to its bytes, and from those to protobufjs's types: a FileDescriptorSet
// or the text of .proto files with their imports. Only what was fetched when the relation was made
// is read again later; protobufjs itself must never reach a disk or a network.

import { createRequire } from 'node:module'

import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor.js'

import {
  PgError,
  connectorObjectMissing,
  invalidParameterValue,
  programLimitExceeded,
  undefinedObject
} from '../errors.ts'
import { limits } from '../limits.ts'
import type { PayloadSchema } from '../types/connector.ts'
import { typeNamed } from './protobuf-columns.ts'
import { fetchSchema, schemaUrl } from './schema-fetch.ts'

type File = readonly [name: string, text: string]

/** What protobufjs carries of Google's files without having it at hand: imported for options. */
const DESCRIPTOR = 'google/protobuf/descriptor.proto'
const descriptor = createRequire(import.meta.url)('protobufjs/google/protobuf/descriptor.json') as {
  readonly [k: string]: unknown
}
protobuf.common(DESCRIPTOR, descriptor)

/** Anything else below space is no text: a descriptor set holds small numbers all over. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\0-\x08\x0b\x0e-\x1f]/

/**
 * Fetches the schema and, of .proto text, everything it imports.
 * @throws PgError 22023, 0A000, HV00R, HV00N, 54000
 */
export async function fetchPayloadSchema(location: string): Promise<PayloadSchema> {
  const url = schemaUrl(location)
  const signal = AbortSignal.timeout(limits.schemaFetchMs)
  const bytes = await fetchSchema(url, limits.schemaBytesMax, signal)
  const text = asText(bytes)
  if (text === undefined) {
    return { form: 'descriptor', base64: Buffer.from(bytes).toString('base64') }
  }
  const files = await withImports(url, [fileName(url), text], location, signal)
  return { form: 'proto', files }
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return CONTROL.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

const fileName = (url: URL): string =>
  url.pathname.slice(url.pathname.lastIndexOf('/') + 1) || 'schema.proto'

async function withImports(
  url: URL,
  entry: File,
  location: string,
  signal: AbortSignal
): Promise<File[]> {
  const files = new Map<string, string>([entry])
  let bytes = Buffer.byteLength(entry[1])
  for (const [name, text] of files) {
    for (const wanted of importsOf(name, text, location)) {
      if (files.has(wanted) || protobuf.common.get(wanted)) continue
      if (files.size >= limits.schemaFilesMax) throw tooManyFiles(location)
      const imported = await fetchImport(url, wanted, limits.schemaBytesMax - bytes, signal)
      files.set(wanted, imported)
      bytes += Buffer.byteLength(imported)
    }
  }
  return [...files]
}

const tooManyFiles = (location: string): PgError =>
  programLimitExceeded(`the schema "${location}" imports too many files`, {
    detail: `At most ${limits.schemaFilesMax} files are read.`
  })

function importsOf(name: string, text: string, location: string): string[] {
  try {
    const { imports = [], weakImports = [] } = protobuf.parse(text, new protobuf.Root())
    return [...imports, ...weakImports]
  } catch (cause) {
    throw unusable(name === fileName(new URL(location)) ? location : name, cause)
  }
}

/** Imports are written from a folder that the location doesn't tell: its own, or one above it. */
async function fetchImport(
  entry: URL,
  name: string,
  bytesMax: number,
  signal: AbortSignal
): Promise<string> {
  const isInside = /^[^/:\\?#%][^:\\?#%]*$/.test(name) && !name.split('/').includes('..')
  if (!isInside) throw invalidParameterValue(`the schema imports "${name}", which is no path`)
  for (let folder = new URL('.', entry); ; folder = new URL('..', folder)) {
    try {
      const bytes = await fetchSchema(new URL(name, folder), bytesMax, signal)
      return asText(bytes) ?? notText(name)
    } catch (error) {
      const isMissing = error instanceof PgError && error.code === connectorObjectMissing('').code
      if (!isMissing) throw error
      if (folder.pathname === '/') {
        throw connectorObjectMissing(`the schema imports "${name}", which does not exist`, {
          hint: 'Put it beside the schema, or in the folder that its path begins from.',
          cause: error
        })
      }
    }
  }
}

function notText(name: string): never {
  throw invalidParameterValue(`the schema imports "${name}", which is not a .proto file`)
}

/**
 * The type that a relation's payloads have.
 * @param message its full name without a leading dot
 * @throws PgError 22023 when the schema cannot be read, 42704 when it has no such message
 */
export async function messageType(
  schema: PayloadSchema,
  message: string,
  location: string
): Promise<protobuf.Type> {
  const root = await rootOf(schema, location)
  const found = typeNamed(root, message)
  if (found) return found
  // RisingWave's words.
  throw undefinedObject(`cannot find message \`${message}\` in schema`, {
    hint: known(root, message)
  })
}

async function rootOf(schema: PayloadSchema, location: string): Promise<protobuf.Root> {
  try {
    const isSet = schema.form === 'descriptor'
    const root = isSet ? descriptorRoot(schema.base64) : await protoRoot(schema.files)
    root.resolveAll()
    return root
  } catch (cause) {
    throw unusable(location, cause)
  }
}

const descriptorRoot = (base64: string): protobuf.Root =>
  protobuf.Root.fromDescriptor(Buffer.from(base64, 'base64'))

async function protoRoot(files: readonly File[]): Promise<protobuf.Root> {
  const texts = new Map(files)
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => target
  // Not at once: protobufjs would take the load for finished before this file's imports are seen.
  root.fetch = (name, callback) => {
    const done = callback as (error: Error | null, text?: string) => void
    const text = texts.get(name)
    setImmediate(() => done(text === undefined ? new Error(`${name} is missing`) : null, text))
  }
  return root.load(files[0]?.[0] ?? '')
}

function unusable(location: string, cause: unknown): PgError {
  const said = cause instanceof Error ? cause.message : String(cause)
  // RisingWave's words.
  return invalidParameterValue(`cannot build descriptor pool from schema \`${location}\``, {
    detail: said.slice(0, limits.schemaFaultCharsMax),
    hint:
      'Give a descriptor set made by protoc --include_imports --descriptor_set_out, ' +
      'or .proto text.',
    cause
  })
}

/** The messages that may have been meant: those of this short name, else the first ones. */
function known(root: protobuf.Root, message: string): string | undefined {
  const names: string[] = []
  collect(root, names)
  const own = names.filter((name) => !name.startsWith('google.protobuf.'))
  const short = message.slice(message.lastIndexOf('.') + 1).toLowerCase()
  const alike = own.filter((name) => name.toLowerCase().split('.').at(-1) === short)
  const shown = (alike.length > 0 ? alike : own).slice(0, limits.schemaNamesShown)
  return shown.length === 0 ? undefined : `The schema has ${shown.join(', ')}.`
}

function collect(namespace: protobuf.NamespaceBase, names: string[]): void {
  for (const item of namespace.nestedArray) {
    if (item instanceof protobuf.Type) names.push(item.fullName.slice(1))
    if (item instanceof protobuf.Namespace) collect(item, names)
  }
}
