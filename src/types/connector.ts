// What a WITH (connector = 'nats', …) clause means once parsed and validated: the contract between
// the SQL that defines a relation and the ingestion that runs it. No SQL text, no sockets.

import type { Value } from './value.ts'

export type NatsAuthentication =
  | { readonly mode: 'plain' }
  | { readonly mode: 'user_and_password'; readonly username: string; readonly password: string }
  | { readonly mode: 'credential'; readonly jwt: string; readonly nkey: string }
  | { readonly mode: 'token'; readonly token: string }
  | { readonly mode: 'nkey'; readonly nkey: string }

/** Certificates and keys in PEM; what is not given is the system's own. */
export interface NatsTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Where in the stream a new relation begins. */
export type StartPosition =
  | { readonly mode: 'earliest' }
  | { readonly mode: 'latest' }
  /** Unix time in milliseconds. */
  | { readonly mode: 'timestamp'; readonly millis: number }

export interface NatsConnector {
  /** host:port or URL, trimmed, in the order given. At least one. */
  readonly servers: readonly string[]
  /** Subject filters, trimmed. At least one. */
  readonly subjects: readonly string[]
  readonly stream: string
  readonly authentication: NatsAuthentication
  /** Set where connections must be by TLS whatever the servers' URLs say. */
  readonly tls?: NatsTls
  readonly start: StartPosition
  /** What the statement says of its consumer. */
  readonly consumer?: StatedConsumer
  /** Set once it is known that the relation reads by such a one. */
  readonly durable?: DurableConsumer
  /** The stream is made with these subjects when CREATE finds none; without it that is an error. */
  readonly createStream?: StreamLimits
}

/** consumer.* of a statement, as far as it can have an effect. */
export interface StatedConsumer {
  /** consumer.durable_name */
  readonly name?: string
  readonly ackPolicy?: 'all' | 'explicit'
  readonly ackWaitSeconds?: number
  readonly ackPendingMax?: number
  readonly inactiveSeconds?: number
  readonly replicas?: number
  readonly inMemory?: boolean
  readonly description?: string
  /** Percent of acknowledgements that the server reports on. */
  readonly sampled?: number
}

/** A consumer that stays on the server and is acknowledged once the rows are on disk. */
export interface DurableConsumer extends StatedConsumer {
  readonly name: string
  /** explicit: each delivery by itself; all: with one, those before it. */
  readonly ackPolicy: 'all' | 'explicit'
}

/** What a stream that jetgres makes may hold; what is not given is not limited. */
export interface StreamLimits {
  readonly maxBytes?: number
  readonly maxMessages?: number
  readonly maxMessagesPerSubject?: number
  readonly maxConsumers?: number
  readonly maxMessageSize?: number
}

/** How a delivery becomes a row. */
export type Encoding = SchemalessEncoding | ProtobufEncoding | AvroEncoding

/** As its statement has it: a schema is fetched only when the relation is made. */
export type StatedEncoding = SchemalessEncoding | StatedProtobuf | StatedAvro

type SchemalessEncoding = JsonEncoding | BytesEncoding | TextEncoding | CsvEncoding

interface EncodingBase {
  /** plain: every delivery is a row. upsert: one without a payload takes its key's row away. */
  readonly format: 'plain' | 'upsert'
  /** The columns that INCLUDE adds, in the order they have in the relation: behind all others. */
  readonly included?: readonly IncludedColumn[]
}

export interface JsonEncoding extends EncodingBase {
  readonly encode: 'json'
  /** RisingWave's timestamptz.handling.mode; 'guess_number_unit' when not given. */
  readonly timestamptzHandling: TimestamptzHandling
}

/** The payload as it is, in the one column that is not included. */
export interface BytesEncoding extends EncodingBase {
  readonly encode: 'bytes'
}

/** The payload's text, read as the type of the one column that is not included. */
export interface TextEncoding extends EncodingBase {
  readonly encode: 'text'
}

/** One record, with or without a header of column names before it. */
export interface CsvEncoding extends EncodingBase {
  readonly encode: 'csv'
  readonly delimiter: string
  readonly hasHeader: boolean
}

/** A PROTOBUF clause as written. */
export interface StatedProtobuf extends EncodingBase {
  readonly encode: 'protobuf'
  /** The message's full name without a leading dot. */
  readonly message: string
  /** The URL the schema was given by. */
  readonly location: string
}

export interface ProtobufEncoding extends StatedProtobuf {
  readonly schema: PayloadSchema
}

/** A schema as it was fetched when the relation was made: a restart asks nobody for it. */
export type PayloadSchema =
  /** A compiled FileDescriptorSet, in base64. */
  | { readonly form: 'descriptor'; readonly base64: string }
  /** Texts of .proto files by name; the first one was asked for, the others it imports. */
  | { readonly form: 'proto'; readonly files: readonly (readonly [name: string, text: string])[] }

/** An AVRO clause as written. */
export interface StatedAvro extends EncodingBase {
  readonly encode: 'avro'
  /** The URL the schema was given by. */
  readonly location: string
  /**
   * What a payload is: a record's datum, a single object (a header that names the schema, and the
   * datum), or the one or the other.
   */
  readonly framing: 'auto' | 'datum' | 'single_object'
}

export interface AvroEncoding extends StatedAvro {
  /** The schema's JSON as it was fetched when the relation was made. */
  readonly schema: string
}

/** What of a delivery an included column holds. */
export type IncludedField =
  'partition' | 'offset' | 'payload' | 'subject' | 'header' | 'timestamp' | 'sequence' | 'key'

export interface IncludedColumn {
  readonly column: string
  readonly field: IncludedField
  /** Of field 'header': the one whose value it is. Without it: all of them. */
  readonly header?: string
}

/** A column that a payload's schema offers. */
export interface PayloadColumn {
  readonly name: string
  /** The type a relation's column gets when the statement lists none, as Postgres spells it. */
  readonly type: string
  /** OIDs of all types that a listed column may have instead, that one's included. */
  readonly oids: readonly number[]
}

export type TimestamptzHandling =
  'micro' | 'milli' | 'guess_number_unit' | 'utc_string' | 'utc_without_suffix'

/** One stored NATS delivery. Its payload lies in the socket's buffer: copy what is kept of it. */
export interface Delivered {
  /** In the stream. */
  readonly sequence: number
  readonly subject: string
  readonly payload: Uint8Array
  /** When the stream stored it, microseconds since 1970-01-01. */
  readonly timestampMicros: bigint
  /** Values by header name, both as published. */
  readonly headers: ReadonlyMap<string, readonly string[]>
}

/** A payload that became a row (values in the order of the schema's columns), or why it could not. */
export type Decoded =
  | {
      readonly ok: true
      readonly row: Value[]
      /** The row with this key is to go; the row holds nothing but the key. */
      readonly deleted?: boolean
    }
  | { readonly ok: false; readonly error: string }

export type RowDecoder = (delivery: Delivered) => Decoded

/** Decoded rows of one relation and the position they bring it to; applied in one transaction. */
export interface Batch {
  readonly relationId: number
  readonly count: number
  /** columns[i] holds `count` values of schema.columns[i]. */
  readonly columns: readonly (readonly Value[])[]
  /** Stream sequence of each row, ascending. */
  readonly sequences: readonly number[]
  /** Indexes of the rows that are no rows: they hold only a key, whose row is to go. */
  readonly deleted?: ReadonlySet<number>
  /** The highest stream sequence these deliveries cover, dropped ones included. */
  readonly position: StreamPosition
  readonly dropped: readonly DroppedDelivery[]
  readonly gaps?: readonly Gap[]
  /** Rows that another life of the stream had behind this sequence go before these come. */
  readonly cutsBehind?: number | undefined
}

/** Stream sequences that were gone before they could be read, both ends included. */
export interface Gap {
  readonly first: number
  readonly last: number
}

/** How far a relation has read, and in which life of the stream. */
export interface StreamPosition {
  /** The highest stream sequence applied; 0 before the first. */
  readonly sequence: number
  /**
   * STREAM.INFO's `created`, verbatim: it changes when a stream is deleted and made again. Ingestion
   * puts a mark behind it when a stream went back, so that unequal always means another life.
   */
  readonly created: string
}

export interface DroppedDelivery {
  readonly sequence: number
  readonly subject: string
  readonly error: string
  /** Cut to limits.droppedPayloadBytesKept. */
  readonly payload: Uint8Array
}
