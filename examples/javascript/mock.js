// Starts yotpo-mock for a run of tests, and gives each test a store of its own.
//
// YOTPO_MOCK tells where the binary is; without it, the one on the PATH is taken.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** An emulator that runs until it is stopped. Its clock stands still until a test advances it. */
export class Mock {
  static async start() {
    const binary = process.env.YOTPO_MOCK ?? 'yotpo-mock'
    const child = spawn(binary, ['--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'close').catch(error => {
      throw new Error(`${error.message}\nInstall yotpo-mock, or let YOTPO_MOCK say where it is.`)
    })
    let log = ''
    child.stderr.on('data', text => (log += text))

    const overdue = setTimeout(() => child.kill('SIGKILL'), 10_000)
    const line = once(createInterface(child.stdout), 'line')
    const [ready] = await Promise.race([line, ended]).finally(() => clearTimeout(overdue))
    if (!String(ready).startsWith('yotpo-mock listening on ')) {
      child.kill('SIGKILL')
      throw new Error(`\`${binary}\` did not start: ${log}`)
    }

    const mock = new Mock(ready.split(' ').at(-1), child, ended)
    await mock.control('PUT', 'clock', { now: '2030-01-01T00:00:00Z', frozen: true })
    return mock
  }

  constructor(url, child, ended) {
    Object.assign(this, { url, child, ended })
  }

  /** A store that no other test knows, if each gives a name of its own. */
  async store(id) {
    const store = new Store(this, id, 's3cret')
    await store.seed({})
    return store
  }

  report() {
    return this.control('GET', 'report')
  }

  async stop() {
    this.child.kill('SIGTERM')
    const [code] = await this.ended
    assert.equal(code, 0, 'the emulator did not end well')
  }

  async control(method, path, body) {
    const answer = await this.ask(method, path, body)
    if (!answer.ok) throw new Error(await answer.text())
    return answer.json()
  }

  ask(method, path, body) {
    const headers = { 'Content-Type': 'application/json' }
    return fetch(`${this.url}/_mock/${path}`, { method, headers, body: body && JSON.stringify(body) })
  }
}

/** One store: what an integration is told of it, and what a test can do to it and see of it. */
class Store {
  constructor(mock, id, secret) {
    Object.assign(this, { mock, url: mock.url, id, secret })
  }

  /** Adds customers and events, as they are. */
  seed({ customers = [], events = [] }) {
    return this.mock.control('POST', 'seed', { stores: [{ id: this.id, secret: this.secret, customers, events }] })
  }

  async customers() {
    return (await this.mock.control('GET', `stores/${this.id}/customers`)).customers
  }

  async events() {
    return (await this.mock.control('GET', `stores/${this.id}/events`)).events
  }

  /** Makes the vendor misbehave: `store.fault({ match: { operation: 'upsertCustomer' }, times: 2, status: 503 })`. */
  fault({ match, ...fault }) {
    return this.mock.control('POST', 'faults', { match: { store: this.id, ...match }, ...fault })
  }

  /** Lets time pass: tokens expire, rate windows pass, delayed writes appear. */
  advance(seconds) {
    return this.mock.control('POST', `clock/advance?store=${this.id}`, { seconds })
  }

  /** Fails unless so many requests were as expected, and tells how the nearest differ. */
  async verify({ count = 1, ...expected }) {
    const answer = await this.mock.ask('POST', 'requests/verify', { store: this.id, ...expected, count })
    const found = await answer.json()
    if (answer.status === 409) {
      const differences = found.nearest.flatMap(({ number, differences }) =>
        differences.map(({ path, expected, found }) =>
          `request ${number}: ${path}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`))
      const message = [`${found.actual} requests instead of ${count} were like ${JSON.stringify(expected)}`, ...differences]
      throw new assert.AssertionError({ message: message.join('\n'), stackStartFn: this.verify })
    }
    if (!answer.ok) throw new Error(`${found.error}: ${found.hint}`)
  }
}
