// Pausing a relation and letting it go on: what that makes of its definition, and so what a restart
// finds. A pause is a rate limit of 0, as by ALTER … SET SOURCE_RATE_LIMIT.

import type { Definition } from './definition.ts'

export const paused = (now: Definition): Definition =>
  now.rateLimit === 0 ? now : { ...now, rateLimit: 0, rateLimitBefore: now.rateLimit }

/** At the rate that it had; one that was never paused goes on as it is. */
export function resumed(now: Definition): Definition {
  if (now.rateLimit !== 0) return now
  const { rateLimitBefore, ...rest } = now
  return { ...rest, rateLimit: rateLimitBefore }
}
