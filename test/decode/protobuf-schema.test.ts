// Goal: a schema is found where its location says, with all it imports, within its bounds, and every
// fault is told in words of its own. Method: a small http server and a folder of files.

import { once } from 'node:events'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import t from 'tap'

import { loadSchema } from '../../src/decode/load-schema.ts'
import { fetchPayloadSchema, messageType } from '../../src/decode/protobuf-schema.ts'
import { limits } from '../../src/limits.ts'
import { descriptorSet, PROTO } from './protobuf-fixture.ts'

const A = 'syntax = "proto3"; package a; import "lib/b.proto"; message A { lib.B b = 1; }'
const B = 'syntax = "proto3"; package lib; import "lib/c.proto"; message B { C c = 1; }'
const C = 'syntax = "proto3"; package lib; import "google/protobuf/descriptor.proto"; message C {}'

const FILES: Record<string, string | Uint8Array> = {
  '/all.pb': descriptorSet(),
  '/all.proto': PROTO,
  '/deep/er/a.proto': A,
  '/deep/lib/b.proto': B,
  '/lib/c.proto': C,
  '/lone.proto': 'syntax = "proto3"; import "gone.proto";',
  '/up.proto': 'syntax = "proto3"; import "../x.proto";',
  '/url.proto': 'syntax = "proto3"; import "http://h/x.proto";',
  '/bad.proto': 'message {',
  '/bad.pb': Buffer.from([0x0a, 0xff, 0x01]),
  '/imports-set.proto': 'import "all.pb";',
  '/large': Buffer.alloc(limits.schemaBytesMax + 1)
}

const REDIRECTS: Record<string, string> = {
  '/moved': '/all.pb',
  '/loop': '/loop',
  '/elsewhere': 'file:///etc/passwd',
  '/ftp': 'ftp://h/x'
}

const server = createServer((request, response) => {
  const path = request.url ?? ''
  const to = REDIRECTS[path]
  if (to !== undefined) response.writeHead(302, { location: to }).end()
  else if (path === '/broken') response.writeHead(503).end()
  else if (FILES[path] === undefined) response.writeHead(404).end()
  else response.end(FILES[path])
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const folder = await mkdtemp(join(tmpdir(), 'jetgres-schema-'))
t.teardown(async () => {
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

void t.test('descriptor sets and texts are told apart and read', async (t) => {
  for (const path of ['/all.pb', '/all.proto', '/moved']) {
    const { encoding, columns } = await loadSchema({
      format: 'plain',
      encode: 'protobuf',
      message: 'test.all.All',
      location: base + path
    })
    const form = path === '/all.proto' ? 'proto' : 'descriptor'
    t.match(encoding, { schema: { form } }, path)
    t.equal(columns.length, 33, path)
  }
})

void t.test('imports are found from any folder above, and are kept', async (t) => {
  const location = `${base}/deep/er/a.proto`
  const schema = await fetchPayloadSchema(location)
  t.same(schema, {
    form: 'proto',
    files: [['a.proto', A], ['lib/b.proto', B], ['lib/c.proto', C]]
  })
  const type = await messageType(schema, 'a.A', location)
  t.equal(type.fields['b']?.resolvedType?.fullName, '.lib.B')
})

void t.test('files of this machine are read as well', async (t) => {
  await mkdir(join(folder, 'lib'))
  await writeFile(join(folder, 'a.proto'), A)
  await writeFile(join(folder, 'lib/b.proto'), B)
  await writeFile(join(folder, 'lib/c.proto'), C)
  const location = pathToFileURL(join(folder, 'a.proto')).href
  const type = await messageType(await fetchPayloadSchema(location), 'a.A', location)
  t.equal(type.fullName, '.a.A')
})

void t.test('a message that is not there names those that are', async (t) => {
  const schema = await fetchPayloadSchema(`${base}/all.pb`)
  for (const name of ['Point', 'test.Point', 'test.all.point']) {
    await t.rejects(messageType(schema, name, 'x'), {
      code: '42704',
      message: `cannot find message \`${name}\` in schema`,
      hint: 'The schema has test.all.Point.'
    })
  }
  await t.rejects(messageType(schema, 'test.all.Color', 'x'), { code: '42704' }, 'an enum is none')
})

void t.test('what cannot be read says why', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  await once(closed, 'close')
  const cases: [string, string, RegExp][] = [
    ['no url', '22023', /^invalid schema location "no url"$/],
    ['s3://bucket/key', '0A000', /scheme s3 are not supported/],
    ['ftp://h/x', '0A000', /^path scheme `ftp` is not supported$/],
    ['http://user:secret@h/x', '22023', /^a schema location holds no user and password$/],
    ['file://host/x', '22023', /^a schema file has no host$/],
    [`${pathToFileURL(folder).href}/none`, 'HV00R', /does not exist$/],
    [pathToFileURL(folder).href, 'HV00N', /is not a file$/],
    [`${base}/none`, 'HV00R', /^the schema ".*\/none" does not exist$/],
    [`${base}/broken`, 'HV00N', /the server answered 503/],
    [`${base}/loop`, 'HV00N', /redirected more than 5 times/],
    [`${base}/elsewhere`, 'HV00N', /redirected to another scheme/],
    [`${base}/ftp`, 'HV00N', /redirected to another scheme/],
    [`${base}/large`, '54000', /is too long$/],
    [`http://127.0.0.1:${port}/x`, 'HV00N', /ECONNREFUSED/],
    [`${base}/lone.proto`, 'HV00R', /^the schema imports "gone.proto", which does not exist$/],
    [`${base}/up.proto`, '22023', /imports "\.\.\/x.proto", which is no path/],
    [`${base}/url.proto`, '22023', /imports "http:\/\/h\/x.proto", which is no path/],
    [`${base}/imports-set.proto`, '22023', /imports "all.pb", which is not a .proto file/],
    [`${base}/bad.proto`, '22023', /^cannot build descriptor pool from schema `.*bad.proto`$/],
    [`${base}/bad.pb`, '22023', /^cannot build descriptor pool from schema `.*bad.pb`$/]
  ]
  for (const [location, code, message] of cases) {
    const loading = loadSchema({ format: 'plain', encode: 'protobuf', message: 'm', location })
    await t.rejects(loading, { code, message }, location)
  }
})
