'use strict'

const { execFile } = require('node:child_process')
const { randomBytes } = require('node:crypto')
const { promisify } = require('node:util')
const { Control, notAnEmulator } = require('./control.js')
const { EmulatorProcess } = require('./process.js')
const { Fault } = require('./fault.js')
const { Scope, pages, toRfc3339 } = require('./scope.js')
const { Store } = require('./store.js')
const { VersionError, YotpoMockError } = require('./errors.js')
const { findBinary } = require('./binary.js')
const { version: VERSION } = require('../package.json')

const START_TIMEOUT_MS = 30_000
const DEFAULT_URL = 'http://127.0.0.1:4600'

class YotpoMock extends Scope {
  static async start({ flags = [], port = 0, binary, env = {}, controlToken, timeout = START_TIMEOUT_MS } = {}) {
    const found = findBinary(binary)
    const token = controlToken === undefined ? {} : { YOTPO_MOCK_CONTROL_TOKEN: controlToken }
    const started = await EmulatorProcess.start(found, flags, port, { ...env, ...token }, timeout)
    const mock = new YotpoMock(new Control(started.url, controlToken, () => started.describeEnd()), started, found)
    try {
      await mock.#checkVersion()
    } catch (error) {
      await mock.stop()
      throw error
    }
    return mock
  }

  static async connect(url = process.env.YOTPO_API_URL ?? DEFAULT_URL, { controlToken, binary } = {}) {
    const mock = new YotpoMock(new Control(url, controlToken), undefined, binary)
    await mock.#checkVersion()
    return mock
  }

  #process
  #binary

  constructor(control, process, binary) {
    super(control)
    this.#process = process
    this.#binary = binary
  }

  get log() {
    return this.#process?.log ?? ''
  }

  get pid() {
    return this.#process?.pid
  }

  async stop() {
    this.control.close()
    await this.#process?.stop()
  }

  [Symbol.asyncDispose]() {
    return this.stop()
  }

  health() {
    return this.control.call('GET', '/health')
  }

  store(id, secret) {
    return new Store(this.control, id, secret)
  }

  async newStore({ customers = [], events = [], settings, name = 'store' } = {}) {
    const store = this.store(`${name}-${randomBytes(4).toString('hex')}`, randomBytes(16).toString('hex'))
    await this.seed({ stores: [{ id: store.id, secret: store.secret, customers, events }] })
    if (settings) await store.changeSettings(settings)
    return store
  }

  stores() {
    return pages(this.control, '/stores', 'stores')
  }

  async seed(seed) {
    const isText = typeof seed === 'string' || Buffer.isBuffer(seed)
    const content = isText ? seed : JSON.stringify(seed)
    const contentType = isText ? 'application/x-ndjson' : 'application/json'
    return this.control.parse(await this.control.send('POST', '/_mock/seed', { content, contentType })).stores
  }

  saveState() {
    return this.control.call('POST', '/state/save')
  }

  async snapshot(name = `snapshot-${randomBytes(4).toString('hex')}`) {
    return new Snapshot(this.control, await this.control.call('PUT', `/snapshots/${encodeURIComponent(name)}`))
  }

  async findSnapshot(name) {
    return new Snapshot(this.control, await this.control.call('GET', `/snapshots/${encodeURIComponent(name)}`))
  }

  async snapshots() {
    const { snapshots } = await this.control.call('GET', '/snapshots')
    return snapshots.map(snapshot => new Snapshot(this.control, snapshot))
  }

  freeze(now) {
    return this.setClock({ frozen: true, ...(now === undefined ? {} : { now: toRfc3339(now) }) })
  }

  unfreeze() {
    return this.setClock({ frozen: false })
  }

  async findFault(id) {
    return new Fault(this.control, await this.control.call('GET', `/faults/${encodeURIComponent(id)}`))
  }

  request(number) {
    return this.control.call('GET', `/requests/${encodeURIComponent(number)}`)
  }

  openapi() {
    return this.control.call('GET', '/openapi.json')
  }

  controlOpenapi() {
    return this.control.call('GET', '/control.openapi.json')
  }

  async caCertificate() {
    const response = await this.control.send('GET', '/_mock/ca.pem')
    return response.status === 200 ? response.body : this.control.parse(response)
  }

  async environment({ store, directory } = {}) {
    const args = ['env', '--format', 'json', '--url', this.url]
    if (store) args.push('--store', `${store.id}:${store.secret}`)
    if (directory) args.push('--dir', directory)
    const token = this.control.token === undefined ? {} : { YOTPO_MOCK_CONTROL_TOKEN: this.control.token }
    try {
      const { stdout } = await promisify(execFile)(findBinary(this.#binary), args, { env: { ...process.env, ...token } })
      return JSON.parse(stdout)
    } catch (error) {
      if (error.stderr) throw new YotpoMockError(error.stderr.trim(), { cause: error })
      throw error
    }
  }

  async #checkVersion() {
    const version = (await this.health())?.version
    if (version === undefined) throw notAnEmulator(this.url)
    const series = version => version.split('.').slice(0, 2).join('.')
    if (series(version) !== series(VERSION)) {
      throw new VersionError(
        `the emulator at \`${this.url}\` has version ${version}, but this package has ${VERSION}: ` +
          `\`npm install --save-dev yotpo-mock@${version}\`, or use an emulator of version ${VERSION}`
      )
    }
  }
}

class Snapshot {
  #control

  constructor(control, { name, taken_at, stores, customers, events }) {
    this.#control = control
    Object.assign(this, { name, takenAt: taken_at, stores, customers, events })
  }

  async restore() {
    await this.#control.call('POST', `/snapshots/${this.name}/restore`)
  }

  async delete() {
    await this.#control.call('DELETE', `/snapshots/${this.name}`)
  }
}

module.exports = { YotpoMock, Snapshot, VERSION }
