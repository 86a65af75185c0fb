// What a test can do with one store as well as with the whole emulator.
'use strict'

const { Fault } = require('./fault.js')
const { VerificationError } = require('./errors.js')

const PAGE_SIZE = 1000
const UNIT_SECONDS = { days: 86_400, hours: 3600, minutes: 60, seconds: 1, milliseconds: 0.001 }

/** The part of the emulator that the calls apply to: one store, or all of them. */
class Scope {
  #query

  constructor(control, storeId) {
    // Not enumerable: whoever prints a store wants to see its id.
    Object.defineProperty(this, 'control', { value: control })
    this.#query = { store: storeId }
  }

  get url() {
    return this.control.url
  }

  async fault(fault) {
    const { store } = this.#query
    const body = store === undefined ? fault : { ...fault, match: { ...fault.match, store } }
    return new Fault(this.control, await this.control.call('POST', '/faults', { body }))
  }

  async faults() {
    const { faults } = await this.#call('GET', '/faults')
    return faults.map(fault => new Fault(this.control, fault))
  }

  async clearFaults() {
    return (await this.#call('DELETE', '/faults')).removed
  }

  async requests(filter = {}) {
    const entries = []
    let before = filter.before
    do {
      const query = { limit: PAGE_SIZE, ...filter, before, ...this.#query }
      const page = await this.control.call('GET', '/requests', { query })
      entries.push(...page.requests)
      before = page.next_before
    } while (before !== null)
    return entries.reverse()
  }

  async verify(expectation = {}) {
    const { store } = this.#query
    const isCounted = ['count', 'at_least', 'at_most'].some(name => name in expectation)
    const body = { ...(isCounted ? {} : { count: 1 }), ...expectation, ...(store === undefined ? {} : { store }) }
    const response = await this.control.send('POST', '/_mock/requests/verify', { content: JSON.stringify(body) })
    if (response.status === 409) {
      const error = new VerificationError(describeFailure(expectation, JSON.parse(response.body)))
      Error.captureStackTrace(error, this.verify)
      throw error
    }
    return this.control.parse(response).matched
  }

  async clearRequests() {
    await this.#call('DELETE', '/requests')
  }

  report({ failOn = [] } = {}) {
    const fail_on = [].concat(failOn).join(',') || undefined
    return this.control.call('GET', '/report', { query: { ...this.#query, fail_on } })
  }

  async clearReport() {
    await this.#call('DELETE', '/report')
  }

  async settings() {
    return (await this.#call('GET', '/settings')).settings
  }

  async changeSettings(settings) {
    return (await this.#call('PATCH', '/settings', settings)).settings
  }

  clock() {
    return this.#call('GET', '/clock')
  }

  advance(by) {
    return this.#call('POST', '/clock/advance', { seconds: toSeconds(by) })
  }

  setTime(now) {
    return this.setClock({ now: toRfc3339(now) })
  }

  async settle() {
    return (await this.#call('POST', '/settle')).applied
  }

  async reset(to = 'seed') {
    await this.#call('POST', '/reset', { to })
  }

  state() {
    return this.#call('GET', '/state')
  }

  async replaceState(state) {
    await this.#call('PUT', '/state', state)
  }

  setClock(clock) {
    return this.#call('PUT', '/clock', clock)
  }

  #call(method, path, body) {
    return this.control.call(method, path, { query: this.#query, body })
  }
}

/** The entries of all pages of a list. */
async function pages(control, path, key, query = {}) {
  const entries = []
  let after
  do {
    const page = await control.call('GET', path, { query: { limit: PAGE_SIZE, ...query, after } })
    entries.push(...page[key])
    after = page.next_after
  } while (after !== null)
  return entries
}

function toSeconds(by) {
  if (typeof by === 'number') return by
  const unknown = Object.keys(by).find(unit => !(unit in UNIT_SECONDS))
  if (unknown) throw new TypeError(`\`${unknown}\` is not a unit: there are ${Object.keys(UNIT_SECONDS).join(', ')}`)
  return Object.entries(by).reduce((sum, [unit, count]) => sum + count * UNIT_SECONDS[unit], 0)
}

function toRfc3339(time) {
  return time instanceof Date ? time.toISOString() : time
}

/** What was found instead of the expected number of requests. */
function describeFailure(expectation, { actual, expected, nearest }) {
  const { count, at_least, at_most, ...wanted } = expectation
  const bounds = Object.entries(expected).map(([bound, number]) => `${bound.replace('_', ' ')} ${number}`)
  const number = typeof expected === 'number' ? expected : bounds.join(' and ')
  const lines = [`${actual} request${actual === 1 ? '' : 's'} instead of ${number} match ${JSON.stringify(wanted)}`]
  for (const near of nearest) {
    lines.push(`request ${near.number}:${near.differences.length ? '' : ' matches'}`)
    for (const { path, expected, found } of near.differences) {
      lines.push(`  ${path}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`)
    }
  }
  return lines.join('\n')
}

module.exports = { Scope, pages, toRfc3339 }
