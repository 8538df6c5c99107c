// The one place where an error gets its SQLSTATE. Whatever a client may see is thrown through the
// constructors below; call sites never choose a code themselves.
// Messages are in Postgres's voice: lower case, no full stop, names in double quotes.

export type Severity = 'ERROR' | 'FATAL'

export interface PgErrorFacts {
  readonly severity?: Severity | undefined
  readonly detail?: string | undefined
  readonly hint?: string | undefined
  /** 1-based, in characters of the statement the client sent. */
  readonly position?: number | undefined
  readonly cause?: unknown
}

/** An error a client may see, as an ErrorResponse (protocol section 53.8). */
export class PgError extends Error {
  readonly code: string
  readonly severity: Severity
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly position: number | undefined

  constructor(code: string, message: string, facts: PgErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'PgError'
    this.code = code
    this.severity = facts.severity ?? 'ERROR'
    this.detail = facts.detail
    this.hint = facts.hint
    this.position = facts.position
  }
}

type Make = (message: string, facts?: PgErrorFacts) => PgError

const sqlstate =
  (code: string): Make =>
  (message, facts) =>
    new PgError(code, message, facts)

export const syntaxError = sqlstate('42601')
export const undefinedTable = sqlstate('42P01')
export const undefinedColumn = sqlstate('42703')
/** dependent_objects_still_exist */
export const dependentObjects = sqlstate('2BP01')
export const invalidSchemaName = sqlstate('3F000')
export const duplicateObject = sqlstate('42710')
export const undefinedObject = sqlstate('42704')
export const duplicateTable = sqlstate('42P07')
export const duplicateCursor = sqlstate('42P03')
export const invalidCursorName = sqlstate('34000')
export const duplicateColumn = sqlstate('42701')
export const reservedName = sqlstate('42939')
export const wrongObjectType = sqlstate('42809')
export const invalidTableDefinition = sqlstate('42P16')
export const insufficientPrivilege = sqlstate('42501')
export const featureNotSupported = sqlstate('0A000')
export const invalidParameterValue = sqlstate('22023')
export const invalidTextRepresentation = sqlstate('22P02')
export const invalidBinaryRepresentation = sqlstate('22P03')
export const invalidDatetimeFormat = sqlstate('22007')
export const datetimeFieldOverflow = sqlstate('22008')
export const invalidTimeZoneDisplacement = sqlstate('22009')
export const intervalFieldOverflow = sqlstate('22015')
export const numericValueOutOfRange = sqlstate('22003')
export const stringDataRightTruncation = sqlstate('22001')
export const characterNotInRepertoire = sqlstate('22021')
export const untranslatableCharacter = sqlstate('22P05')
export const notNullViolation = sqlstate('23502')
export const uniqueViolation = sqlstate('23505')
export const serializationFailure = sqlstate('40001')
export const protocolViolation = sqlstate('08P01')
export const connectionFailure = sqlstate('08006')
export const cannotConnect = sqlstate('08001')
export const invalidAuthorization = sqlstate('28000')
export const invalidPassword = sqlstate('28P01')
/** What Postgres says of any statement in a transaction that has failed. */
export const inFailedTransaction = (): PgError =>
  sqlstate('25P02')(
    'current transaction is aborted, commands ignored until end of transaction block'
  )
export const activeSqlTransaction = sqlstate('25001')
export const queryCanceled = sqlstate('57014')
export const adminShutdown = sqlstate('57P01')
export const cannotConnectNow = sqlstate('57P03')
export const objectNotReady = sqlstate('55000')
export const lockNotAvailable = sqlstate('55P03')
export const programLimitExceeded = sqlstate('54000')
export const tooManyConnections = sqlstate('53300')
export const internalError = sqlstate('XX000')
/** SQL/MED "unable to establish connection": a connector's server can't be reached or refuses us. */
export const connectorFailure = sqlstate('HV00N')
/** SQL/MED "invalid option name". */
export const invalidOptionName = sqlstate('HV00D')
/** SQL/MED "table not found": the stream or subject that a connector names isn't there. */
export const connectorObjectMissing = sqlstate('HV00R')

/** The same error where it ends the connection. */
export function asFatal({ code, message, detail, hint, position, cause }: PgError): PgError {
  return new PgError(code, message, { severity: 'FATAL', detail, hint, position, cause })
}

/** What Postgres said of an expression that it ran for us, in its own code and words. */
export const saidByPostgres = (cause: {
  readonly code?: string | undefined
  readonly message: string
  readonly detail?: string | undefined
  readonly hint?: string | undefined
}): PgError => {
  const { code = 'XX000', message, detail, hint } = cause
  return new PgError(code, message, { detail, hint, cause })
}

/** The nearest PgError along `cause`, or an XX000 that says no more than is safe. */
export function toPgError(error: unknown): PgError {
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 16; depth++) {
    if (e instanceof PgError) return e
    e = e.cause
  }
  const message = error instanceof Error ? error.message : String(error)
  return internalError(`internal error: ${message}`, { cause: error })
}

/** The same error where its position is in another text; anything but a PgError is left alone. */
export function withPosition(error: unknown, moved: (position: number) => number): unknown {
  if (!(error instanceof PgError) || error.position === undefined) return error
  const { code, message, severity, detail, hint, cause } = error
  const position = moved(error.position)
  return new PgError(code, message, { severity, detail, hint, cause, position })
}

/** Asserts what can only be false through a defect of ours. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw internalError(`broken invariant: ${message}`)
}
