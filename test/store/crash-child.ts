// The process that crash.test.ts kills: applies deliveries from the stored position on, for ever,
// and says "applied" after each batch. Every 20 batches it closes the store, which checkpoints.

import { Store } from '../../src/store/store.ts'
import { seeded } from '../support/random.ts'
import { deliveries } from './crash-deliveries.ts'
import { log } from './fixtures.ts'

const [path = '', seed = '1'] = process.argv.slice(2)
const chance = seeded(Number(seed))

for (;;) {
  const store = await Store.open({ path, log, threads: 2 })
  for (let batch = 0; batch < 20; batch++) {
    for (const id of [1, 2]) {
      const { sequence } = await store.position(id)
      // Some deliveries come again, as after a lost acknowledgement.
      const from = Math.max(1, sequence + 1 - chance.int(0, 30))
      await store.apply(deliveries(id, from, sequence + chance.pick([1, 10, 500, 4000])))
    }
    process.stdout.write('applied\n')
  }
  await store.close()
}
