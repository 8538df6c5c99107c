// Preloaded into jetgres by NODE_OPTIONS=--import: with each SIGUSR2 its clock is set anew, an hour
// ahead, an hour behind, right again, as an administrator or a bad time server would; it says so.

import { writeSync } from 'node:fs'

const HOUR_MS = 3_600_000
const steps = [HOUR_MS, -HOUR_MS, 0]
const RealDate = Date
let offsetMs = 0

globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + offsetMs] : given))
  }

  static now() {
    return RealDate.now() + offsetMs
  }
}

process.on('SIGUSR2', () => {
  offsetMs = steps.shift() ?? 0
  writeSync(2, `the clock is off by ${offsetMs} ms\n`)
})
