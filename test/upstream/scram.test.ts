// Goal: our side of SCRAM is the RFC's, believes no server that doesn't know the password, and takes
// passwords as Postgres does.
// Method: RFC 7677's values with our header; a server's side written here from RFC 5802; the tests
// against a real Postgres are in test/e2e/authentication.test.ts.

import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

import t from 'tap'

import { ScramClient } from '../../src/upstream/scram.ts'

const NONCE = 'rOprNGfwEbeRWgbNEkqO'
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ=='
const serverFirst = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=${SALT},i=4096`

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** What a server that knows `password` accepts and answers. */
function served(password: string): { proof: string; signature: string } {
  const salted = pbkdf2Sync(password, Buffer.from(SALT, 'base64'), 4096, 32, 'sha256')
  const final = `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
  const message = `n=,r=${NONCE},${serverFirst},${final}`
  const key = hmac(salted, 'Client Key')
  const signature = hmac(createHash('sha256').update(key).digest(), message)
  const proof = Buffer.from(key.map((byte, i) => byte ^ signature[i]!)).toString('base64')
  return { proof, signature: hmac(hmac(salted, 'Server Key'), message).toString('base64') }
}

void t.test('proves a password, prepared as Postgres prepares it, and checks the answer', async (t) => {
  const table: [given: string, stored: string][] = [
    ['pencil', 'pencil'],
    ['', ''],
    ['a\u00a0b', 'a b'],
    ['I\u00adX', 'IX'],
    ['\u2168', 'IX'],
    ['\u00aa', 'a'],
    ['tab\t\u2168', 'tab\t\u2168'],
    ['grüße', 'grüße'],
    ['u\u0308', 'ü']
  ]
  for (const [given, stored] of table) {
    const client = new ScramClient(given, NONCE)
    t.equal(client.first(), `n,,n=,r=${NONCE}`)
    const { proof, signature } = served(stored)
    t.equal((await client.respond(serverFirst)).split(',p=')[1], proof, JSON.stringify(given))
    client.verify(`v=${signature}`)
    for (const wrong of [`v=${served('other').signature}`, 'v=', 'e=other-error', '']) {
      t.throws(() => client.verify(wrong), { code: '28000' }, wrong)
    }
  }
})

void t.test('refuses what no honest server says', async (t) => {
  const table = [
    '',
    `r=${NONCE},s=${SALT},i=4096`,
    `r=other%x,s=${SALT},i=4096`,
    `r=${NONCE}%x,s=${SALT},i=0`,
    `r=${NONCE}%x,s=${SALT},i=999999999`,
    `r=${NONCE}%x,i=4096`
  ]
  for (const text of table) {
    await t.rejects(new ScramClient('pencil', NONCE).respond(text), { code: '08P01' }, text)
  }
  t.throws(() => new ScramClient('pencil').verify('v='), { code: '28000' }, 'an answer to nothing')
  t.not(new ScramClient('x').first(), new ScramClient('x').first(), 'every nonce is another')
})
