// RisingWave's documentation writes some values between backticks (jwt=`…`), which no lexer takes.
// Makes strings of them, length for length, so that every position stays what it was.

/** What may hold a backtick that is none of a value: strings, names, comments, dollar quotes. */
const APART =
  /'(?:[^']|'')*'|"[^"]*"|--[^\r\n]*|\/\*[^]*?\*\/|(\$(?:[a-z_]\w*)?\$)[^]*?\1|=(\s*)`([^`']*)`/gi

/** The text with `key = \`value\`` as `key = 'value'`; the same text where there is none. */
export function backticksAsQuotes(text: string): string {
  if (!text.includes('`')) return text
  return text.replace(APART, (whole, _tag, space?: string, value?: string) =>
    value === undefined ? whole : `=${space}'${value}'`
  )
}
