// What a token of SQL text is, and how its text is read: identifiers, string constants, positions.
// Pure; knows the lexical rules of Postgres (documentation, section 4.1), not its grammar.

/** One token; `start` and `end` index the text (UTF-16 units, as `slice` takes them). */
export interface Token {
  readonly kind: TokenKind
  /** The token as written. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** Lower-case text of an unquoted identifier or keyword; undefined for every other token. */
  readonly word: string | undefined
  /** Postgres's own class of the keyword; 'none' for what isn't one. */
  readonly keyword: KeywordKind
}

export type TokenKind = 'identifier' | 'keyword' | 'string' | 'number' | 'parameter' | 'symbol'
export type KeywordKind = 'none' | 'unreserved' | 'columnName' | 'typeFunctionName' | 'reserved'

/** Bytes of an identifier that Postgres keeps (NAMEDATALEN - 1). */
export const IDENTIFIER_BYTES_MAX = 63

/** The 1-based position, in characters, of an index into `text`: ErrorResponse's field P. */
export function characterPosition(text: string, index: number): number {
  let pairs = 0
  for (let i = 1; i < index; i++) {
    if (isLowSurrogate(text.charCodeAt(i)) && isHighSurrogate(text.charCodeAt(i - 1))) pairs++
  }
  return index - pairs + 1
}

/** The inverse of characterPosition; past the end it answers the text's length. */
export function indexOfCharacter(text: string, position: number): number {
  let index = 0
  for (let left = position - 1; left > 0 && index < text.length; left--) {
    index += text.codePointAt(index)! > 0xffff ? 2 : 1
  }
  return index
}

/**
 * The name that an identifier or keyword token stands for: folded, unquoted, unescaped and cut to
 * what Postgres keeps. Undefined when a U& escape is broken.
 */
export function identifierName(token: Token): string | undefined {
  if (token.word !== undefined) return cutIdentifier(token.word)
  const escaped = /^u&"/i.test(token.text)
  const body = token.text.slice(escaped ? 3 : 1, -1).replaceAll('""', '"')
  const name = escaped ? decodeUnicodeEscapes(body) : body
  return name === undefined ? undefined : cutIdentifier(name)
}

/** The value of '…' or E'…'; undefined for every other form of string constant. */
export function stringValue(text: string): string | undefined {
  const escapes = /^e'/i.test(text)
  if (!escapes && !text.startsWith("'")) return undefined
  const body = joinContinued(text.slice(escapes ? 2 : 1, -1), escapes)
  return escapes ? decodeBackslashes(body) : body.replaceAll("''", "'")
}

/** 'a'<newline>'b' is one constant, 'ab': takes the seams out of its inside. */
function joinContinued(body: string, escapes: boolean): string {
  const piece = escapes ? /(?:[^'\\]|\\[^]|'')*/y : /(?:[^']|'')*/y
  const seam = /'(?:\s|--[^\r\n]*(?=[\r\n]))*[\r\n](?:\s|--[^\r\n]*(?=[\r\n]))*'/y
  let joined = ''
  for (let at = 0; at < body.length;) {
    piece.lastIndex = at
    joined += piece.exec(body)?.[0] ?? ''
    seam.lastIndex = piece.lastIndex
    if (!seam.test(body)) return joined + body.slice(piece.lastIndex)
    at = seam.lastIndex
  }
  return joined
}

const BACKSLASH: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v'
}

function decodeBackslashes(body: string): string {
  const escape = /''|\\(?:u([\da-fA-F]{4})|U([\da-fA-F]{8})|x([\da-fA-F]{1,2})|([0-7]{1,3})|([^]))/g
  return body.replace(escape, (whole, ...groups: (string | undefined)[]) => {
    if (whole === "''") return "'"
    const [u4, u8, hex, octal, other = ''] = groups
    const digits = u4 ?? u8 ?? hex
    if (digits !== undefined) return character(parseInt(digits, 16))
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 0xff)
    return BACKSLASH[other] ?? other
  })
}

function decodeUnicodeEscapes(body: string): string | undefined {
  const decoded = body.replace(
    /\\(?:\\|([0-9a-f]{4})|\+([0-9a-f]{6}))/gi,
    (whole, short?: string, long?: string) =>
      whole === '\\\\' ? '\0' : character(parseInt(short ?? long ?? '', 16))
  )
  return decoded.includes('\\') ? undefined : decoded.replaceAll('\0', '\\')
}

const character = (code: number): string =>
  code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)

function cutIdentifier(name: string): string {
  if (Buffer.byteLength(name) <= IDENTIFIER_BYTES_MAX) return name
  let kept = ''
  let bytes = 0
  for (const c of name) {
    bytes += Buffer.byteLength(c)
    if (bytes > IDENTIFIER_BYTES_MAX) break
    kept += c
  }
  return kept
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
