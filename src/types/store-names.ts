// How relations and columns are named inside the store. Numbers, so that no rename ever moves data.

/** The DuckDB table of a relation. */
export const storeTable = (relationId: number): string => `r${relationId}`

/** The DuckDB column of a relation's column. */
export const storeColumn = (attnum: number): string => `c${attnum}`

/** Every store table's hidden column: the stream sequence of the delivery that made the row. */
export const SEQUENCE_COLUMN = '_seq'
