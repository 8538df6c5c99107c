import t from 'tap'
import { storeType } from '../../src/types/store-type.ts'
t.equal(storeType({ oid: 1700, typmod: ((10 << 16) | 2) + 4 }), 'DECIMAL(10,2)')
