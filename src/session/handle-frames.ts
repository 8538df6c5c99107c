// Walks the frames that are whole, in order and one at a time. Waits only where a frame asks for it:
// a promise for each would cost a relay more than its reading does. Knows no messages.

import type { Frame, FrameReader } from '../wire/frames.ts'

/** Returns a promise only when the next frame has to wait. */
export type HandleFrame = (frame: Frame) => Promise<void> | undefined

/** Undefined when all that is whole is handled; else resolves when it is. */
export function handleFrames(reader: FrameReader, handle: HandleFrame): Promise<void> | undefined {
  const pending = upToAWait(reader, handle)
  return pending && theRest(reader, handle, pending)
}

function upToAWait(reader: FrameReader, handle: HandleFrame): Promise<void> | undefined {
  for (let frame = reader.next(); frame; frame = reader.next()) {
    const pending = handle(frame)
    if (pending) return pending
  }
  return undefined
}

async function theRest(
  reader: FrameReader,
  handle: HandleFrame,
  first: Promise<void>
): Promise<void> {
  let pending: Promise<void> | undefined = first
  for (; pending; pending = upToAWait(reader, handle)) await pending
}
