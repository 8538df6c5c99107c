// @ts-check
// The status page: follows the feed of /api/events and writes what it says into the document. Text
// only ever goes in as text. Rows keep their elements, so that focus and selection stay.

/** @typedef {{ id: number, name: string, database: string, kind: string, stream: string, subjects: string[],
 *   state: string, isPaused: boolean, position?: number, lag?: number, lagSeconds?: number, rate?: number,
 *   progress?: number, secondsLeft?: number, dropped: number, gaps?: number, rows?: number,
 *   lastDeliveryAt?: number, lastError?: string }} Relation */
/** @typedef {{ rate: (number | null)[], lag: (number | null)[] }} Series */

const TONES = {
  live: 'good',
  'catching up': 'warn',
  paused: 'warn',
  starting: 'warn',
  reconnecting: 'bad',
  stalled: 'bad'
}
/** @type {Map<number, HTMLTableRowElement>} */
const lines = new Map()
/** @type {Record<number, Series>} */
let histories = {}
/** @type {Relation[]} */
let relations = []

const feed = new EventSource('/api/events')
feed.addEventListener('overview', (event) => show(JSON.parse(event.data)))
feed.addEventListener('history', (event) => {
  histories = JSON.parse(event.data)
  for (const relation of relations) drawHistory(relation)
})
feed.addEventListener('error', () => say('not connected to jetgres; trying again …', 'bad'))

/** @param {string} id */
function at(id) {
  const element = document.getElementById(id)
  if (!element) throw new Error(`no element ${id}`)
  return element
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Told to screen readers when it changes, not each time. @param {string} text @param {string} tone */
function say(text, tone) {
  const state = at('state')
  if (state.textContent !== text) state.textContent = text
  state.className = `state ${tone}`
}

/** @param {any} now */
function show(now) {
  relations = now.relations
  at('about').textContent = `${now.version} · upstream ${now.upstream}`
  if (now.faults.length === 0) say('ready', 'good')
  else say(now.faults.join('; '), 'bad')
  tiles('tiles', {
    Relations: number(relations.length + now.relationsHidden),
    'Deliveries a second': number(sum(relations.map(({ rate }) => rate ?? 0))),
    Behind: number(sum(relations.map(({ lag }) => lag ?? 0))),
    Dropped: number(sum(relations.map(({ dropped }) => dropped))),
    Sessions: number(now.sessions.count)
  })
  at('none').hidden = relations.length > 0
  showRelations()
  showRoutes(now)
  table(
    'reasons',
    now.reasons.map((/** @type {any} */ r) => [r.reason, number(r.count)])
  )
  table(
    'slowest',
    now.slowest.map((/** @type {any} */ s) => [
      duration(s.ms / 1000),
      s.route,
      s.text === '' ? 'unknown' : make('code', {}, s.text)
    ])
  )
  table(
    'servers',
    now.nats.map((/** @type {any} */ n) => [
      n.servers,
      toned(n.isUp ? 'connected' : (n.error ?? 'connecting'), n.isUp ? 'good' : 'bad')
    ])
  )
  table(
    'clients',
    now.sessions.shown.map((/** @type {any} */ s) => [
      String(s.pid),
      s.user,
      s.database,
      s.application,
      s.isBusy ? 'busy' : 'idle',
      s.lastRoute
    ])
  )
}

/** @param {string} id @param {Record<string, string>} values */
function tiles(id, values) {
  at(id).replaceChildren(
    ...Object.entries(values).map(([name, value]) =>
      make('div', {}, make('dt', {}, name), make('dd', {}, value))
    )
  )
}

/** @param {string} id @param {(Node | string)[][]} rows */
function table(id, rows) {
  const shown = rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell))))
  const none = make('tr', { class: 'dim' }, make('td', { colspan: '6' }, 'none'))
  at(id).replaceChildren(...(shown.length > 0 ? shown : [none]))
}

/** @param {any} now */
function showRoutes({ statements }) {
  const total = sum(Object.values(statements))
  const share = at('share')
  const parts = Object.entries(statements)
  share.replaceChildren(
    ...parts.map(([route, count]) => {
      const part = make('span', { class: route })
      part.style.width = `${total === 0 ? 0 : (100 * count) / total}%`
      return part
    })
  )
  const texts = parts.map(([route, count]) => [
    route,
    `${number(count)} (${percent(count, total)})`
  ])
  share.setAttribute('aria-label', texts.map((words) => words.join(' ')).join(', '))
  at('counts').replaceChildren(
    ...texts.map(([route = '', text = '']) =>
      make('div', {}, make('dt', { class: `key key-${route}` }, route), make('dd', {}, text))
    )
  )
}

function showRelations() {
  const body = at('rows')
  for (const [id, line] of lines) {
    if (relations.some((relation) => relation.id === id)) continue
    line.remove()
    lines.delete(id)
  }
  for (const relation of relations) {
    const line = lines.get(relation.id) ?? newLine(relation)
    if (!line.isConnected) {
      body.append(line)
      drawHistory(relation)
    }
    fill(line, relation)
  }
}

/** @param {Relation} relation */
function newLine({ id }) {
  const line = document.createElement('tr')
  const name = make('button', { class: 'link', type: 'button' })
  name.addEventListener('click', () => void open(id))
  line.append(make('th', { scope: 'row' }, name, make('span', { class: 'sub' })))
  for (const column of ['State', 'Rate', 'Last hour', 'Behind', 'Newest', 'Rows', 'Dropped', '']) {
    line.append(make('td', { 'data-name': column }))
  }
  const button = /** @type {HTMLButtonElement} */ (make('button', { type: 'button' }))
  button.addEventListener('click', () => void act(id, button))
  line.cells[8]?.append(button)
  line.cells[3]?.append(make('div'))
  lines.set(id, line)
  return line
}

/** @param {HTMLTableRowElement} line @param {Relation} relation */
function fill(line, relation) {
  const [name, state, rate, , behind, newest, rows, dropped, action] = [...line.cells]
  const [title, from] = name?.children ?? []
  if (title) title.textContent = relation.name
  if (from) from.textContent = `${relation.stream}: ${relation.subjects.join(', ')}`
  const tone = TONES[/** @type {keyof typeof TONES} */ (relation.state)] ?? ''
  const parts = [toned(relation.state, `state ${tone}`), ...progress(relation)]
  // What went wrong before it was live again is the log's.
  if (relation.lastError && relation.state !== 'live')
    parts.push(make('span', { class: 'sub error' }, relation.lastError))
  state?.replaceChildren(...parts)
  put(rate, relation.rate === undefined ? '–' : `${number(relation.rate)}/s`)
  put(behind, relation.lag === undefined ? '?' : number(relation.lag))
  if (relation.lagSeconds) behind?.append(sub(duration(relation.lagSeconds)))
  put(newest, relation.lastDeliveryAt ? ago(relation.lastDeliveryAt) : '–')
  put(rows, relation.rows === undefined ? '–' : number(relation.rows))
  put(dropped, number(relation.dropped))
  if (relation.gaps) dropped?.append(sub(`${number(relation.gaps)} lost`))
  const button = action?.querySelector('button')
  if (!button || button.disabled) return
  put(button, relation.isPaused ? 'Resume' : 'Pause')
  button.setAttribute('aria-label', `${button.textContent} ${relation.name}`)
}

/** @param {Relation} relation */
function progress({ name, state, lag = 0, progress = 0, secondsLeft }) {
  if (state !== 'catching up' || lag === 0) return []
  const bar = make('progress', { max: '1', value: String(progress / 100) })
  bar.setAttribute('aria-label', `catch-up of ${name}`)
  const left = secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`
  return [sub(`${Math.floor(progress)} % ${left}`), bar]
}

/** @param {{ id: number, name: string }} relation */
function drawHistory({ id, name }) {
  const place = lines.get(id)?.cells[3]?.firstElementChild
  const { rate, lag } = histories[id] ?? { rate: [], lag: [] }
  const space = 'http://www.w3.org/2000/svg'
  const svg = document.createElementNS(space, 'svg')
  const peak = Math.max(0, ...rate.map((value) => value ?? 0))
  const most = Math.max(0, ...lag.map((value) => value ?? 0))
  svg.setAttribute('class', 'spark')
  svg.setAttribute('viewBox', '0 0 360 100')
  svg.setAttribute('preserveAspectRatio', 'none')
  svg.setAttribute('role', 'img')
  svg.setAttribute(
    'aria-label',
    `${name}: at most ${number(peak)} a second, ${number(most)} behind`
  )
  for (const [values, top, kind] of /** @type {const} */ ([
    [lag, most, 'behind'],
    [rate, peak, 'rate']
  ])) {
    if (top === 0 && kind === 'behind') continue
    const path = document.createElementNS(space, 'path')
    path.setAttribute('class', kind)
    path.setAttribute('d', curve(values, top))
    svg.append(path)
  }
  place?.replaceChildren(svg)
}

/** Newest at the right. @param {(number | null)[]} values @param {number} top */
function curve(values, top) {
  let d = ''
  let isDown = false
  for (const [i, value] of values.entries()) {
    const y = 96 - (92 * (value ?? 0)) / (top || 1)
    if (value !== null) d += `${isDown ? 'L' : 'M'}${360 - values.length + i} ${y.toFixed(1)}`
    isDown = value !== null
  }
  return d
}

/** @param {number} id @param {HTMLButtonElement} button */
async function act(id, button) {
  const relation = relations.find((one) => one.id === id)
  if (!relation) return
  button.disabled = true
  const what = relation.isPaused ? 'resume' : 'pause'
  const headers = { 'x-jetgres': '1' }
  const answer = await fetch(`/api/relations/${id}/${what}`, { method: 'POST', headers }).catch(
    () => undefined
  )
  button.disabled = false
  if (!answer?.ok) return say(answer ? await answer.text() : `could not ${what}`, 'bad')
  relation.isPaused = what === 'pause'
  const line = lines.get(id)
  if (line) fill(line, relation)
}

/** @param {number} id */
async function open(id) {
  const answer = await fetch(`/api/relations/${id}`).catch(() => undefined)
  if (!answer?.ok) return say('that relation cannot be shown', 'bad')
  const detail = await answer.json()
  const dialog = /** @type {HTMLDialogElement} */ (at('detail'))
  at('detail-name').textContent = detail.name
  at('detail-body').replaceChildren(
    make('pre', { tabindex: '0', 'aria-label': 'definition' }, detail.definition),
    ...listed(
      'Last rows',
      detail.columns,
      detail.rows.map((/** @type {any[]} */ row) =>
        row.map((field) => field ?? make('em', { class: 'dim' }, 'NULL'))
      )
    ),
    ...listed(
      'Dropped deliveries',
      ['Sequence', 'Subject', 'Why', 'Payload'],
      detail.dropped.map((/** @type {any} */ d) => [
        String(d.sequence),
        d.subject,
        d.error,
        make('code', {}, d.payload)
      ])
    ),
    ...listed(
      'Gaps',
      ['First', 'Last', 'Noticed'],
      detail.gaps.map((/** @type {any} */ g) => [
        String(g.first),
        String(g.last),
        new Date(g.noticedAt).toLocaleString()
      ])
    )
  )
  dialog.showModal()
}

/** @param {string} title @param {string[]} columns @param {(Node | string)[][]} rows */
function listed(title, columns, rows) {
  const heading = make('h3', {}, title)
  if (rows.length === 0) return [heading, make('p', { class: 'dim' }, 'none')]
  const head = make('tr', {}, ...columns.map((column) => make('th', { scope: 'col' }, column)))
  const body = rows.map((cells) => make('tr', {}, ...cells.map((cell) => make('td', {}, cell))))
  const whole = make('table', {}, make('thead', {}, head), make('tbody', {}, ...body))
  return [
    heading,
    make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title }, whole)
  ]
}

/** @param {Element | undefined} element @param {string} text */
function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text
}

/** @param {string} text */
const sub = (text) => make('span', { class: 'sub' }, text)
/** @param {string} text @param {string} tone */
const toned = (text, tone) => make('span', { class: tone }, text)
/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0)
/** @param {number} value */
const number = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })
/** @param {number} part @param {number} whole */
const percent = (part, whole) => `${whole === 0 ? 0 : Math.floor((100 * part) / whole)} %`
/** @param {number} millis */
const ago = (millis) => `${duration(Math.max(0, (Date.now() - millis) / 1000))} ago`

/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
