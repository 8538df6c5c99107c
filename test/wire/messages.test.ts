// Goal: messages are read as Postgres reads them and written so that a client reads them back; a
// body shorter than it says is the peer's fault, never a crash.
// Method: round trips through the two encoders (ours, pg-protocol's), every truncation of every
// message, tables of startup packets.

import t from 'tap'

import { PgError, syntaxError } from '../../src/errors.ts'
import {
  backendKeyData,
  decodeDataRow,
  decodeErrorFields,
  decodeKeyData,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeRowDescription,
  encodeErrorFields,
  errorResponse,
  notice,
  parameterDescription,
  parameterStatus,
  readyForQuery,
  rowDescription,
  textField,
  textRow
} from '../../src/wire/backend.ts'
import { bodyOf } from '../../src/wire/frames.ts'
import {
  decodeBind,
  decodeExecute,
  decodeParse,
  decodeQuery,
  decodeTarget,
  formatAt,
  frontend
} from '../../src/wire/frontend.ts'
import { RowWriter } from '../../src/wire/row-writer.ts'
import { decodeStartup, encodeCancel, startupSize } from '../../src/wire/startup.ts'

const body = (bytes: Buffer): Buffer => bodyOf({ type: bytes[0]!, bytes })

const FRONTEND: readonly (readonly [string, Buffer, (body: Buffer) => unknown, unknown])[] = [
  ['Query', frontend.query('SELECT ä€😀'), decodeQuery, 'SELECT ä€😀'],
  [
    'Parse',
    frontend.parse({ name: 'n', text: 'SELECT $1', types: [23, 4_294_967_295] }),
    decodeParse,
    { name: 'n', text: 'SELECT $1', types: [23, 4_294_967_295] }
  ],
  [
    'Bind',
    frontend.bind({
      portal: 'p',
      statement: 's',
      values: ['a', null, Buffer.from([0])],
      binary: true
    }),
    decodeBind,
    {
      portal: 'p',
      statement: 's',
      parameterFormats: [0, 0, 1],
      parameters: [Buffer.from('a'), null, Buffer.from([0])],
      resultFormats: [1]
    }
  ],
  ['Describe', frontend.describe({ type: 'P', name: 'p' }), decodeTarget, { kind: 'P', name: 'p' }],
  ['Close', frontend.close({ type: 'S', name: '' }), decodeTarget, { kind: 'S', name: '' }],
  [
    'Execute',
    frontend.execute({ portal: 'p', rows: 7 }),
    decodeExecute,
    { portal: 'p', rowsMax: 7 }
  ],
  [
    'Execute',
    frontend.execute({ portal: '', rows: -7 >>> 0 }),
    decodeExecute,
    { portal: '', rowsMax: 0 }
  ]
]

void t.test('what clients send is read, and cut short it is refused', async (t) => {
  for (const [name, bytes, decode, wanted] of FRONTEND) {
    t.same(decode(body(bytes)), wanted, name)
    for (let length = 0; length < bytes.length - 5; length++) {
      t.throws(
        () => decode(body(bytes).subarray(0, length)),
        { code: '08P01' },
        `${name} cut at ${length}`
      )
    }
  }
  t.throws(
    () => decodeBind(Buffer.from('\0\0\0\0\x7f\xff', 'latin1')),
    { code: '08P01' },
    'a count it cannot hold'
  )
})

void t.test("Bind's formats: none is text, one is for all", async (t) => {
  t.same(
    [0, 1, 2].map((i) => formatAt([], i)),
    [0, 0, 0]
  )
  t.same(
    [0, 1, 2].map((i) => formatAt([1], i)),
    [1, 1, 1]
  )
  t.same(
    [0, 1, 2].map((i) => formatAt([0, 1, 0], i)),
    [0, 1, 0]
  )
})

void t.test('what servers send is written and read back', async (t) => {
  const field = {
    ...textField('né'),
    tableOid: 4_000_000_000,
    attnum: 3,
    typeOid: 1700,
    typmod: 786_438,
    format: 1
  }
  t.same(decodeRowDescription(body(rowDescription([field, textField('')]))), [field, textField('')])
  t.same(
    decodeParameterDescription(body(parameterDescription([23, 4_000_000_000]))),
    [23, 4_000_000_000]
  )
  t.same(decodeParameterStatus(body(parameterStatus('TimeZone', 'UTC'))), ['TimeZone', 'UTC'])
  t.same(decodeDataRow(body(textRow(['é', null, '']))), [Buffer.from('é'), null, Buffer.alloc(0)])
  const key = { pid: 12345, secret: Buffer.from('a secret of more than 4 bytes') }
  t.same(decodeKeyData(body(backendKeyData(key.pid, key.secret))), key)
  t.same(body(readyForQuery('T')), Buffer.from('T'))
})

void t.test('errors keep their fields through decoding and encoding', async (t) => {
  const error = syntaxError('wrong "ä"', { detail: 'd', hint: 'h', position: 7 })
  const bytes = errorResponse(error)
  const fields = decodeErrorFields(body(bytes))
  t.same(
    [...fields],
    [
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', '42601'],
      ['M', 'wrong "ä"'],
      ['D', 'd'],
      ['H', 'h'],
      ['P', '7']
    ]
  )
  t.same(encodeErrorFields(fields), bytes)
  const short = decodeErrorFields(body(errorResponse(new PgError('XX000', 'm'))))
  t.same([...short.keys()], ['S', 'V', 'C', 'M'])
  t.match(
    decodeErrorFields(body(notice('told', 'so'))),
    new Map([
      ['S', 'NOTICE'],
      ['M', 'told'],
      ['H', 'so']
    ])
  )
  t.throws(() => decodeErrorFields(body(bytes).subarray(0, 20)), { code: '08P01' }, 'cut short')
})

void t.test('rows are written whole while their buffer grows', async (t) => {
  const writer = new RowWriter()
  const texts = ['', 'a', 'ä€😀', 'x'.repeat(70_000), '\u{1F600}'.repeat(1_000)]
  const bytes = Buffer.alloc(300_000, 7)
  for (let round = 0; round < 3; round++) {
    for (const text of texts) {
      writer.startRow(3)
      writer.writeText(text)
      writer.writeNull()
      writer.writeBytes(bytes)
      writer.endRow()
    }
    const taken = writer.take()
    t.equal(writer.length, 0)
    let offset = 0
    for (const text of texts) {
      const size = taken.readInt32BE(offset + 1) + 1
      t.equal(taken[offset], 0x44)
      t.same(decodeDataRow(taken.subarray(offset + 5, offset + size)), [
        Buffer.from(text),
        null,
        bytes
      ])
      offset += size
    }
    t.equal(offset, taken.length)
  }
})

void t.test('rows that were taken are not written over', async (t) => {
  const writer = new RowWriter()
  const write = (text: string): Buffer => {
    writer.startRow(1)
    writer.writeText(text)
    writer.endRow()
    return writer.take()
  }
  const first = write('first')
  const second = write('other')
  t.same(decodeDataRow(body(first)), [Buffer.from('first')])
  t.same(decodeDataRow(body(second)), [Buffer.from('other')])
})

function packet(code: number, rest: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(8 + rest.length, 0)
  bytes.writeInt32BE(code, 4)
  return Buffer.concat([bytes, rest])
}

void t.test('startup packets of every kind are told apart', async (t) => {
  t.match(decodeStartup(packet(80877103)), { kind: 'ssl' })
  t.match(decodeStartup(packet(80877104)), { kind: 'gssenc' })
  const secret = Buffer.from('longer than four bytes')
  t.match(decodeStartup(encodeCancel(77, secret)), { kind: 'cancel', pid: 77, secret })
  const startup = packet(196_610, Buffer.from('user\0me\0database\0düb\0_pq_.x\0y\0\0'))
  const decoded = decodeStartup(startup)
  t.match(decoded, { kind: 'startup', protocol: 196_610, bytes: startup })
  t.same(decoded.kind === 'startup' && [...decoded.parameters], [
    ['user', 'me'],
    ['database', 'düb'],
    ['_pq_.x', 'y']
  ])
  t.match(decodeStartup(frontend.startup({ user: 'u', database: 'd' })), { kind: 'startup' })
})

void t.test('startup packets that cannot be are refused', async (t) => {
  for (const size of [-1, 0, 7, 10_005, 0x7fffffff]) {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(size)
    t.throws(() => startupSize(bytes), /^invalid length/, `length ${size}`)
  }
  t.equal(startupSize(Buffer.alloc(3)), undefined, 'no length yet')
  t.equal(startupSize(packet(196_608)), 8)
  t.throws(
    () => decodeStartup(packet(80877102, Buffer.alloc(3))),
    /^invalid length/,
    'a cancel key cut short'
  )
  t.throws(
    () => decodeStartup(packet(196_608, Buffer.from('user\0me'))),
    { code: '08P01' },
    'no terminator'
  )
})
