// How deep a statement's parse tree may get, bounded from above by its characters alone: the parser
// recurses once a level and must never be handed what would exhaust its stack.

/** Words that can add a level without a bracket; all others are counted by their operators. */
const NESTING_WORDS = new Set(
  `all and any as asc at between by case collate cross current do else end escape except from full
   group having ilike in inner intersect into is isnull join left like limit natural not notnull on
   operator or order over right row select set similar some then union using values when where with
   within`.match(/\w+/g)
)
const PIECE =
  /'(?:[^']|'')*'|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|[()[\],]|[-+*/<>=~!@#%^&|`?:.]/gi

interface Level {
  /** Operators since the last comma: a chain of them is one level each. */
  operators: number
  /** Nesting words: UNION, JOIN and the like chain across commas. */
  words: number
  /** The deepest bracket since the last comma; it may sit at the bottom of the chain. */
  bracket: number
  /** The deepest item between commas so far. */
  item: number
}

/** An upper bound of the nesting of `text`. A comma ends a chain: a long list is not deep. */
export function nestingBound(text: string): number {
  const outer: Level[] = []
  let level = newLevel()
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece === '(' || piece === '[') {
      outer.push(level)
      level = newLevel()
    } else if (piece === ')' || piece === ']') {
      level = closed(level, outer.pop() ?? newLevel())
    } else if (piece === ',') {
      endItem(level)
    } else if (!isWord(piece)) {
      if (!piece.startsWith("'")) level.operators++
    } else if (NESTING_WORDS.has(piece.toLowerCase())) level.words++
  }
  while (outer.length > 0) level = closed(level, outer.pop()!)
  return depthOf(level)
}

const newLevel = (): Level => ({ operators: 0, words: 0, bracket: 0, item: 0 })

const depthOf = (level: Level): number =>
  level.words + Math.max(level.item, level.operators + level.bracket)

function closed(level: Level, outer: Level): Level {
  outer.bracket = Math.max(outer.bracket, 1 + depthOf(level))
  // What follows a bracket may chain on it: a[1][2].
  outer.operators++
  return outer
}

function endItem(level: Level): void {
  level.item = Math.max(level.item, level.operators + level.bracket)
  level.operators = 0
  level.bracket = 0
}

const isWord = (piece: string): boolean => /^[a-z_\u0080-\uffff]/i.test(piece)
