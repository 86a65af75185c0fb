// Starts yotpo-mock for a run of tests, and gives each test an isolated store.
//
// YOTPO_MOCK is the path of the binary. Without it, `yotpo-mock` must be on the PATH.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A mock that runs until it is stopped. Its clock is frozen, and only tests advance it. */
export class Mock {
  static async start() {
    const binary = process.env.YOTPO_MOCK ?? 'yotpo-mock'
    const child = spawn(binary, ['--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = once(child, 'close').catch(error => {
      throw new Error(`${error.message}\nInstall yotpo-mock, or set YOTPO_MOCK to its path.`)
    })
    let log = ''
    child.stderr.on('data', text => (log += text))

    const timeout = setTimeout(() => child.kill('SIGKILL'), 10_000)
    const line = once(createInterface(child.stdout), 'line')
    const [ready] = await Promise.race([line, ended]).finally(() => clearTimeout(timeout))
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

  /** A store for one test, if each test uses another id. */
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
    assert.equal(code, 0, 'the mock did not stop cleanly')
  }

  async control(method, path, body) {
    const response = await this.request(method, path, body)
    if (!response.ok) throw new Error(await response.text())
    return response.json()
  }

  request(method, path, body) {
    const headers = { 'Content-Type': 'application/json' }
    return fetch(`${this.url}/_mock/${path}`, { method, headers, body: body && JSON.stringify(body) })
  }
}

/** A store: the credentials for an integration, and everything that a test can do with it. */
class Store {
  constructor(mock, id, secret) {
    Object.assign(this, { mock, url: mock.url, id, secret })
  }

  /** Adds customers and events unchanged. */
  seed({ customers = [], events = [] }) {
    return this.mock.control('POST', 'seed', { stores: [{ id: this.id, secret: this.secret, customers, events }] })
  }

  async customers() {
    return (await this.mock.control('GET', `stores/${this.id}/customers`)).customers
  }

  async events() {
    return (await this.mock.control('GET', `stores/${this.id}/events`)).events
  }

  /** Injects a fault: `store.fault({ match: { operation: 'upsertCustomer' }, times: 2, status: 503 })`. */
  fault({ match, ...fault }) {
    return this.mock.control('POST', 'faults', { match: { store: this.id, ...match }, ...fault })
  }

  /** Advances the clock: tokens expire, the rate limit resets, delayed writes become visible. */
  advance(seconds) {
    return this.mock.control('POST', `clock/advance?store=${this.id}`, { seconds })
  }

  /** Fails unless exactly `count` requests match, and shows how the nearest ones differ. */
  async verify({ count = 1, ...expected }) {
    const response = await this.mock.request('POST', 'requests/verify', { store: this.id, ...expected, count })
    const found = await response.json()
    if (response.status === 409) {
      const differences = found.nearest.flatMap(({ number, differences }) =>
        differences.map(({ path, expected, found }) =>
          `request ${number}: ${path}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`))
      const message = [`${found.actual} requests instead of ${count} match ${JSON.stringify(expected)}`, ...differences]
      throw new assert.AssertionError({ message: message.join('\n'), stackStartFn: this.verify })
    }
    if (!response.ok) throw new Error(`${found.error}: ${found.hint}`)
  }
}
