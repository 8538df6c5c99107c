// Goal: frames come out whole and in order however the bytes were cut, bytes that pass through are
// never changed, and no peer's length makes us wait for, or allocate, what cannot be.
// Method: a stream of frames is cut at every byte and at random; impossible lengths are tabled.

import t from 'tap'

import { code, FrameReader, FrameScanner } from '../../src/wire/frames.ts'
import type { Frame, Treatment } from '../../src/wire/frames.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'

const LETTERS = ['D', 'T', 'Z', 'C', 'E', 'N']

function frameOf(letter: string, body: Buffer): Buffer {
  const header = Buffer.from([code(letter), 0, 0, 0, 0])
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

const frames = (rnd: Random, count: number): Buffer[] =>
  Array.from({ length: count }, () => {
    const length = rnd.bool(0.2) ? 0 : rnd.bool(0.05) ? rnd.int(1_000, 5_000) : rnd.int(0, 40)
    return frameOf(rnd.pick(LETTERS), rnd.bytes(length))
  })

/** The stream in pieces that end at these offsets. */
function cut(stream: Buffer, offsets: readonly number[]): Buffer[] {
  const ends = [...new Set(offsets), stream.length].sort((a, b) => a - b)
  // Copied: what is kept of a chunk must not depend on the neighbours it came with.
  return ends.map((end, i) => Buffer.from(stream.subarray(ends[i - 1] ?? 0, end)))
}

function* cuts(stream: Buffer, rnd: Random): Generator<Buffer[]> {
  for (let at = 0; at <= stream.length; at += stream.length > 2_000 ? 37 : 1)
    yield cut(stream, [at])
  yield cut(
    stream,
    Array.from({ length: stream.length }, (_, i) => i)
  )
  for (let round = 0; round < 30; round++) {
    yield cut(
      stream,
      Array.from({ length: rnd.int(1, 60) }, () => rnd.int(0, stream.length))
    )
  }
}

void t.test('a reader gives whole frames, wherever the stream is cut', async (t) => {
  const rnd = random(t)
  const sent = frames(rnd, 40)
  let rounds = 0
  for (const chunks of cuts(Buffer.concat(sent), rnd)) {
    const reader = new FrameReader()
    const got = chunks.flatMap((chunk) =>
      [...reader.push(chunk)].map(({ bytes }) => Buffer.from(bytes))
    )
    const isSame = got.length === sent.length && got.every((bytes, i) => bytes.equals(sent[i]!))
    if (!isSame) t.fail(`cut into ${chunks.map(({ length }) => length).join(', ')}`)
    if (reader.pendingBytes !== 0) t.fail(`${reader.pendingBytes} bytes are left`)
    rounds++
  }
  t.ok(rounds > 50, `${rounds} cuts`)
})

void t.test('a reader hands over what is not a frame yet', async (t) => {
  const reader = new FrameReader()
  const half = frameOf('Q', Buffer.from('half')).subarray(0, 6)
  t.same([...reader.push(half)], [])
  t.equal(reader.pendingBytes, half.length)
  t.same(reader.takeRest(), half)
  t.equal([...reader.push(frameOf('S', Buffer.alloc(0)))].length, 1, 'and starts afresh')
})

const TREATMENTS: Readonly<Record<string, Treatment>> = {
  D: 'pass',
  T: 'pass',
  C: 'whole',
  N: 'whole',
  Z: 'take',
  E: 'take'
}

/** What a scanner did, as one stream of bytes and a list of the frames it told of. */
class Recorder {
  bytes: Buffer[] = []
  saw: number[] = []
  taken: Buffer[] = []
  readonly scanner = new FrameScanner({
    treat: (type) => TREATMENTS[String.fromCharCode(type)]!,
    saw: (type) => void this.saw.push(type),
    passed: (bytes) => void this.bytes.push(Buffer.from(bytes)),
    taken: (frame: Frame) => {
      this.bytes.push(Buffer.from(frame.bytes))
      this.taken.push(Buffer.from(frame.bytes))
    }
  })
}

void t.test('a scanner keeps every byte and their order, wherever the stream is cut', async (t) => {
  const rnd = random(t)
  const sent = frames(rnd, 60)
  const stream = Buffer.concat(sent)
  const treated = (treatment: Treatment): Buffer[] =>
    sent.filter((bytes) => TREATMENTS[String.fromCharCode(bytes[0]!)] === treatment)
  for (const chunks of cuts(stream, rnd)) {
    const recorder = new Recorder()
    for (const chunk of chunks) recorder.scanner.push(chunk)
    const label = chunks.map(({ length }) => length).join(', ')
    if (!Buffer.concat(recorder.bytes).equals(stream)) t.fail(`bytes: ${label}`)
    if (!Buffer.concat(recorder.taken).equals(Buffer.concat(treated('take'))))
      t.fail(`taken: ${label}`)
    if (!Buffer.from(recorder.saw).equals(Buffer.from(treated('whole').map((b) => b[0]!)))) {
      t.fail(`saw: ${label}`)
    }
  }
  t.ok(treated('take').length > 0 && treated('whole').length > 0)
})

void t.test('a scanner passes a frame on in parts and keeps nothing of it', async (t) => {
  const recorder = new Recorder()
  const big = frameOf('D', Buffer.alloc(100_000, 1))
  recorder.scanner.push(big.subarray(0, 50_000))
  t.equal(Buffer.concat(recorder.bytes).length, 50_000)
  recorder.scanner.push(big.subarray(50_000))
  t.equal(Buffer.concat(recorder.bytes).length, big.length)
})

void t.test('an impossible length is refused before its body comes', async (t) => {
  for (const length of [-1, 0, 3, 0x40000000, 0x7fffffff, -0x80000000]) {
    const header = Buffer.from([code('Q'), 0, 0, 0, 0])
    header.writeInt32BE(length, 1)
    const wanted = { code: '08P01', severity: 'FATAL' }
    t.throws(() => [...new FrameReader().push(header)], wanted, `reader: ${length}`)
    t.throws(() => new Recorder().scanner.push(header), wanted, `scanner: ${length}`)
  }
  const largest = Buffer.from([code('D'), 0x3f, 0xff, 0xff, 0xff])
  t.same([...new FrameReader().push(largest)], [], 'the largest is waited for')
})
