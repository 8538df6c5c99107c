// The part of pg-query-emscripten that the tests use; the package has no types of its own.

declare module 'pg-query-emscripten' {
  interface ParseResult {
    readonly parse_tree: { readonly stmts?: readonly { readonly stmt: object }[] }
    /** Null when the text was parsed. */
    readonly error: { readonly message: string; readonly cursorpos: number } | null
  }
  interface PgQuery {
    parse(sql: string): ParseResult
  }
  const Module: new () => Promise<PgQuery>
  export default Module
}
