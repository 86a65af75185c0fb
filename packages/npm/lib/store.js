'use strict'

const { Scope, pages } = require('./scope.js')
const { errorOf } = require('./control.js')

const WRONG_SECRET = 'the store has another secret: `mock.store(id, secret)`'

class Store extends Scope {
  constructor(control, id, secret) {
    super(control, id)
    this.id = id
    this.secret = secret ?? 'any secret'
  }

  get apiUrl() {
    return `${this.url}/core/v3/stores/${encodeURIComponent(this.id)}`
  }

  async accessToken() {
    const path = `/core/v3/stores/${encodeURIComponent(this.id)}/access_tokens`
    const { status, body } = await this.control.send('POST', path, { content: JSON.stringify({ secret: this.secret }) })
    if (status !== 200) throw errorOf(status, body, status === 401 ? WRONG_SECRET : '')
    return JSON.parse(body).access_token
  }

  customers({ email, phoneNumber, externalId } = {}) {
    const query = { email, phone_number: phoneNumber, external_id: externalId }
    return pages(this.control, `${this.#path}/customers`, 'customers', query)
  }

  events({ type, uniqueId, customer } = {}) {
    return pages(this.control, `${this.#path}/events`, 'events', { type, unique_id: uniqueId, customer })
  }

  async pending() {
    // Each list has the writes of its own kind.
    const lists = await Promise.all(
      ['customers', 'events'].map(kind => this.control.call('GET', `${this.#path}/${kind}`, { query: { limit: 1 } }))
    )
    return lists.flatMap(list => list.pending).sort((a, b) => a.request - b.request)
  }

  async seed({ customers = [], events = [] }) {
    const { stores } = await this.control.call('POST', '/seed', { body: { stores: [{ id: this.id, customers, events }] } })
    return stores[0]
  }

  generate({ customers = 0, events = 0, seed = 0 }) {
    return this.control.call('POST', `${this.#path}/generate`, { body: { customers, events, seed } })
  }

  explain(body) {
    return this.control.call('POST', `${this.#path}/explain`, { body })
  }

  async lineage(number) {
    return (await this.control.call('GET', `${this.#path}/customers/${encodeURIComponent(number)}/lineage`)).steps
  }

  async snapshot() {
    return new StoreSnapshot(this, await this.state())
  }

  get #path() {
    return `/stores/${encodeURIComponent(this.id)}`
  }
}

class StoreSnapshot {
  #store

  constructor(store, state) {
    this.#store = store
    this.state = state
  }

  restore() {
    return this.#store.replaceState(this.state)
  }
}

module.exports = { Store, StoreSnapshot }
