// One life of one pull consumer: asks for deliveries, counts what is outstanding, reads the
// server's statuses, and notices when deliveries were lost or the server fell silent. It ends
// once, with a reason; whoever owns it makes the next one. Must never know positions or rows.

import { createInbox } from 'nats'
import type { Msg, MsgHdrs, NatsConnection, NatsError, Subscription } from 'nats'

import { limits } from '../limits.ts'
import { deliveryAt, toDelivery } from './delivery.ts'
import type { Delivery } from './delivery.ts'
import { takeFrames } from './delivery-frames.ts'
import type { DeliveryFrame } from './delivery-frames.ts'
import { nextSubject, pullRequest } from './jetstream.ts'

export interface PullSessionOptions {
  readonly connection: NatsConnection
  readonly stream: string
  readonly consumer: string
  readonly paused: boolean
  readonly onDelivery: (delivery: Delivery) => void
  /** The server says that it has nothing for us at this moment. */
  readonly onIdle: () => void
}

/** Why a session ended: an error, or a status of the server. */
export class SessionEnd extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'SessionEnd'
  }
}

/** Ends a session that another consumer should go on with, though nothing is wrong. */
export const RENEWED = 'the consumer is made anew'

/** Ask again once so few are outstanding: the server never waits for us while we keep up. */
const REFILL_AT = limits.pullBatch / 2
const PULL_IS_OVER = /batch completed|exceeds maxbytes/i
const TOO_LARGE = /exceeds maxbytes/i

export class PullSession {
  readonly ended: Promise<SessionEnd>
  readonly #options: PullSessionOptions
  readonly #inbox = createInbox()
  readonly #subscription: Subscription
  /** Ends what takeFrames began. */
  readonly #leaveFrames: () => void
  readonly #ticker: NodeJS.Timeout
  #end: (end: SessionEnd) => void = () => undefined
  #over = false
  #paused: boolean
  #refillPlanned = false
  #outstanding = 0
  #bytesMax: number = limits.pullBytesMax
  #consumerSequence = 0
  #deliveredSinceStatus = 0
  #silentTicks = 0
  #pausedAt = performance.now()

  constructor(options: PullSessionOptions) {
    this.#options = options
    this.#paused = options.paused
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#subscription = options.connection.subscribe(this.#inbox, {
      callback: (error, message) => this.#receive(error, message)
    })
    const sid = this.#subscription.getID()
    this.#leaveFrames = takeFrames(options.connection, sid, (frame) => this.#take(frame))
    this.#ticker = setInterval(() => this.#tick(), limits.pullHeartbeatMs)
    this.#refill()
  }

  /** Deliveries so far. */
  get delivered(): number {
    return this.#consumerSequence
  }

  /** What was asked for still comes; nothing more is asked for. */
  pause(): void {
    if (!this.#paused) this.#pausedAt = performance.now()
    this.#paused = true
  }

  /** After a long rest the server may have removed the consumer; it would not tell. */
  resume(): void {
    const restedMs = this.#paused ? performance.now() - this.#pausedAt : 0
    this.#paused = false
    this.#silentTicks = 0
    if (restedMs > limits.consumerInactiveMs / 2) this.end(RENEWED)
    else this.#refill()
  }

  /** Idempotent. Nothing is delivered afterwards. */
  end(reason: string, cause?: unknown): void {
    if (this.#over) return
    this.#over = true
    clearInterval(this.#ticker)
    this.#leaveFrames()
    if (!this.#options.connection.isClosed()) this.#subscription.unsubscribe()
    this.#end(new SessionEnd(reason, cause))
  }

  /** An exception in here would end nats.js's read loop without a word. */
  #receive(error: NatsError | null, message: Msg): void {
    if (this.#over) return
    try {
      if (error) return this.end(error.message, error)
      const { reply } = message
      if (reply) this.#deliver(toDelivery(reply, message))
      else {
        this.#silentTicks = 0
        this.#status(message.headers)
      }
    } catch (failure) {
      this.end('a delivery could not be handled', failure)
    }
  }

  /** As #receive, of what did not go through nats.js. */
  #take(frame: DeliveryFrame): void {
    if (this.#over) return
    try {
      const { chunk, replyStart, replyEnd } = frame
      this.#deliver(deliveryAt(chunk, replyStart, replyEnd, frame))
    } catch (failure) {
      this.end('a delivery could not be handled', failure)
    }
  }

  #deliver(delivery: Delivery | undefined): void {
    this.#silentTicks = 0
    if (!delivery) return this.end('a delivery came without its sequence')
    if (delivery.consumerSequence !== this.#consumerSequence + 1) {
      return this.end('a delivery was lost on the way')
    }
    this.#consumerSequence++
    this.#deliveredSinceStatus++
    this.#outstanding--
    this.#options.onDelivery(delivery)
    if (this.#outstanding <= REFILL_AT) this.#refillSoon()
  }

  #status(headers: MsgHdrs | undefined): void {
    const code = headers?.code ?? 0
    const description = headers?.description ?? ''
    if (code === 100) return this.#heartbeat(headers)
    if (code === 404 || code === 408 || (code === 409 && PULL_IS_OVER.test(description))) {
      if (code !== 409) this.#options.onIdle()
      return this.#pullIsOver(headers, TOO_LARGE.test(description))
    }
    this.end(`the server ended the reading: ${code} ${description}`)
  }

  #heartbeat(headers: MsgHdrs | undefined): void {
    const last = Number(headers?.get('Nats-Last-Consumer') ?? '')
    if (last > this.#consumerSequence) return this.end('deliveries were lost on the way')
    this.#options.onIdle()
  }

  #pullIsOver(headers: MsgHdrs | undefined, tooLarge: boolean): void {
    const unused = headers?.get('Nats-Pending-Messages') ?? ''
    this.#outstanding = unused === '' ? 0 : Math.max(0, this.#outstanding - Number(unused))
    if (tooLarge && this.#deliveredSinceStatus === 0) {
      this.#bytesMax = Math.min(this.#bytesMax * 2, limits.pullBytesGrownMax)
    }
    this.#deliveredSinceStatus = 0
    if (this.#outstanding <= REFILL_AT) this.#refillSoon()
  }

  /** Not at once: what the server sends in answer would prolong the burst that we are in. */
  #refillSoon(): void {
    if (this.#refillPlanned) return
    this.#refillPlanned = true
    setImmediate(() => {
      this.#refillPlanned = false
      this.#refill()
    })
  }

  #refill(): void {
    if (this.#paused || this.#over || this.#options.connection.isClosed()) return
    const batch = limits.pullBatch - this.#outstanding
    if (batch <= 0) return
    const { connection, stream, consumer } = this.#options
    this.#outstanding += batch
    connection.publish(nextSubject(stream, consumer), pullRequest(batch, this.#bytesMax), {
      reply: this.#inbox
    })
  }

  /** Counted, not timed: after a blocked event loop what has arrived is read before we judge. */
  #tick(): void {
    if (this.#outstanding <= 0) return
    this.#silentTicks++
    if (this.#silentTicks <= limits.heartbeatsMissedMax) return
    // What was asked for runs out while we rest, of which nats-server 2.9 does not always tell.
    if (this.#paused) this.#outstanding = 0
    else this.end('the server fell silent')
  }
}
