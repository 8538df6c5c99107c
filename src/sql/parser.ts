// The only door to Postgres's own grammar and lexer (libpg-query, WASM). Owns its life: loads it,
// keeps it from texts that would exhaust its stack, replaces it after a crash.
// Nothing but a PgError leaves this file, whatever the text.

import { createRequire } from 'node:module'
import {
  PgError,
  characterNotInRepertoire,
  internalError,
  programLimitExceeded,
  syntaxError
} from '../errors.ts'
import { limits } from '../limits.ts'
import { isNode, listOf, numberOf } from './ast.ts'
import { nestingBound } from './nesting.ts'
import { characterPosition } from './tokens.ts'
import type { Node } from './ast.ts'
import type { KeywordKind, Token, TokenKind } from './tokens.ts'

/** One statement of a text; `start` and `end` index the text (UTF-16 units), semicolon excluded. */
export interface ParsedStatement {
  /** The wrapped node, `{ SelectStmt: {…} }`. Its `location` fields are BYTE offsets. */
  readonly node: Node
  readonly start: number
  readonly end: number
}

interface Grammar {
  loadModule(): Promise<void>
  parseSync(text: string): unknown
  scanSync(text: string): { readonly tokens: readonly RawToken[] }
}

interface RawToken {
  readonly start: number
  readonly end: number
  readonly tokenName: string
  readonly keywordName: string
}

const require = createRequire(import.meta.url)
let grammar: Grammar | undefined
/** Settles when the instance being loaded in place of a crashed one has taken over. */
let replacement: Promise<void> | undefined

const NOT_LOADED = internalError('the SQL parser is not loaded')

/** Loads the grammar; idempotent. Every other function here needs it done. */
export async function loadParser(): Promise<void> {
  await replacement
  grammar ??= await loadGrammar()
}

/**
 * Parses a text of any number of statements.
 * @throws PgError 42601 with its position; 54000 when the text is too long or nested too deeply
 */
export function parseSql(text: string): ParsedStatement[] {
  checkText(text)
  if (text.trim() === '') return []
  const tree = guarded((g) => g.parseSync(text), text)
  const toIndex = byteToIndex(text)
  const statements = isNode(tree) ? listOf(tree, 'stmts') : []
  return statements.map((raw) => {
    const from = numberOf(raw, 'stmt_location')
    const length = numberOf(raw, 'stmt_len')
    const end = length === 0 ? text.length : toIndex(from + length)
    return { node: isNode(raw['stmt']) ? raw['stmt'] : {}, start: toIndex(from), end }
  })
}

/**
 * The tokens of a text, comments dropped.
 * @throws PgError 42601 where the lexer rejects it; 54000 when it is too long
 */
export function scanTokens(text: string): Token[] {
  checkLength(text)
  // The scanner calls an empty text invalid.
  if (text === '') return []
  const toIndex = byteToIndex(text)
  const tokens: Token[] = []
  for (const raw of guarded((g) => g.scanSync(text), text).tokens) {
    if (raw.tokenName === 'SQL_COMMENT' || raw.tokenName === 'C_COMMENT') continue
    tokens.push(toToken(raw, text, toIndex(raw.start), toIndex(raw.end)))
  }
  return tokens
}

/** As scanTokens; undefined for a text that it refuses: that one is Postgres's to judge. */
export function tryScanTokens(text: string): Token[] | undefined {
  try {
    return scanTokens(text)
  } catch (error) {
    if (error instanceof PgError && error !== NOT_LOADED) return undefined
    throw error
  }
}

/** Byte offsets (what the parser reports) → string indexes. Offsets may come in any order. */
export function byteToIndex(text: string): (offset: number) => number {
  if (Buffer.byteLength(text) === text.length) return (offset) => offset
  let atByte = 0
  let atIndex = 0
  return (offset) => {
    if (offset < atByte) atByte = atIndex = 0
    while (atByte < offset && atIndex < text.length) {
      const code = text.codePointAt(atIndex)!
      atByte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
      atIndex += code > 0xffff ? 2 : 1
    }
    return atIndex
  }
}

function checkText(text: string): void {
  checkLength(text)
  if (text.length <= limits.sqlNestingMax || nestingBound(text) <= limits.sqlNestingMax) return
  throw tooComplex()
}

function checkLength(text: string): void {
  if (text.length > limits.inspectedSqlCharsMax) {
    throw programLimitExceeded('statement is too long to be inspected')
  }
  // The grammar takes C strings: it would silently stop at a zero byte.
  if (text.includes('\0')) {
    throw characterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
  }
}

const tooComplex = (cause?: unknown): PgError =>
  programLimitExceeded('statement is nested too deeply to be inspected', { cause })

function guarded<T>(call: (g: Grammar) => T, text: string): T {
  if (!grammar) throw NOT_LOADED
  try {
    return call(grammar)
  } catch (error) {
    throw grammarError(grammar, error, text)
  }
}

function grammarError(g: Grammar, error: unknown, text: string): PgError {
  const known = sqlError(error, text)
  if (known) return known
  // The scanner says what is wrong without saying where; the parser meets the same fault.
  if (error instanceof SyntaxError || isLexerComplaint(error)) return whereScanFailed(g, text)
  // A trap or an exhausted stack leaves the WASM instance's own stack pointer astray.
  replaceGrammar()
  return tooComplex(error)
}

const isLexerComplaint = (error: unknown): boolean =>
  error instanceof Error && /^(?:syntax error|deparse error|ERROR)/.test(error.message)

function whereScanFailed(g: Grammar, text: string): PgError {
  try {
    g.parseSync(text)
  } catch (error) {
    const known = sqlError(error, text)
    if (known) return known
  }
  return syntaxError('syntax error')
}

function sqlError(error: unknown, text: string): PgError | undefined {
  if (!(error instanceof Error) || !('sqlDetails' in error) || !isNode(error.sqlDetails)) return
  if (error.message.startsWith('memory exhausted')) return tooComplex()
  const cursor = numberOf(error.sqlDetails, 'cursorPosition')
  // Zero is the first character or no place at all.
  const isPlaced = cursor > 0 || error.message.includes(' at or near ')
  const position = isPlaced ? Math.min(cursor + 1, lastPosition(text)) : undefined
  return syntaxError(error.message, { position })
}

const lastPosition = (text: string): number => characterPosition(text, text.length)

function replaceGrammar(): void {
  replacement ??= loadGrammar()
    .then((fresh) => {
      grammar = fresh
    })
    // The old instance goes on; the next crash tries again.
    .catch(() => undefined)
    .finally(() => {
      replacement = undefined
    })
}

/** A new instance every time: the module's cache entry holds the one it belongs to. */
async function loadGrammar(): Promise<Grammar> {
  delete require.cache[require.resolve('libpg-query')]
  const fresh = require('libpg-query') as Grammar
  await fresh.loadModule()
  return fresh
}

const KEYWORD_KIND: Readonly<Record<string, KeywordKind>> = {
  UNRESERVED_KEYWORD: 'unreserved',
  COL_NAME_KEYWORD: 'columnName',
  TYPE_FUNC_NAME_KEYWORD: 'typeFunctionName',
  RESERVED_KEYWORD: 'reserved'
}
const TOKEN_KIND: Readonly<Record<string, TokenKind>> = {
  IDENT: 'identifier',
  SCONST: 'string',
  USCONST: 'string',
  BCONST: 'string',
  XCONST: 'string',
  ICONST: 'number',
  FCONST: 'number',
  PARAM: 'parameter'
}

function toToken(raw: RawToken, all: string, start: number, end: number): Token {
  const text = all.slice(start, end)
  const keyword = KEYWORD_KIND[raw.keywordName] ?? 'none'
  const kind = keyword === 'none' ? kindOf(raw.tokenName, text) : 'keyword'
  const isQuoted = text.endsWith('"')
  const isWord = kind === 'keyword' || (kind === 'identifier' && !isQuoted)
  return { kind, text, start, end, keyword, word: isWord ? foldCase(text) : undefined }
}

/** Some token kinds come without a name from the scanner: U&"…" and U&'…' among them. */
function kindOf(name: string, text: string): TokenKind {
  if (/^u&"/i.test(text)) return 'identifier'
  if (/^(?:u&|[bxn])'/i.test(text)) return 'string'
  return TOKEN_KIND[name] ?? 'symbol'
}

/** Postgres folds the case of ASCII letters only (in multi-byte encodings). */
const foldCase = (text: string): string => text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())
