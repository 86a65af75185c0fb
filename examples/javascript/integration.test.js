// A small integration and its tests against yotpo-mock.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { Mock } from './mock.js'

/** Represents your own code: saves customers, retries once, and replaces an expired token. */
class Integration {
  constructor(url, store, secret) {
    this.url = `${url}/core/v3/stores/${store}`
    this.secret = secret
  }

  async save(customer) {
    if (!this.token) await this.#logIn()
    let response = await this.#send('PATCH', 'customers', { customer })
    if (response.status === 401) {
      await this.#logIn()
      response = await this.#send('PATCH', 'customers', { customer })
    }
    if (response.status >= 500) response = await this.#send('PATCH', 'customers', { customer })
    if (!response.ok) throw new Error(await response.text())
  }

  async #logIn() {
    const response = await this.#send('POST', 'access_tokens', { secret: this.secret })
    this.token = (await response.json()).access_token
  }

  #send(method, path, body) {
    const headers = { 'Content-Type': 'application/json', 'X-Yotpo-Token': this.token ?? '' }
    return fetch(`${this.url}/${path}`, { method, headers, body: JSON.stringify(body) })
  }
}

let mock, store, integration

before(async () => (mock = await Mock.start()))

beforeEach(async context => {
  store = await mock.store(context.name.replaceAll(' ', '-'))
  integration = new Integration(store.url, store.id, store.secret)
})

after(async () => {
  if (!mock) return
  console.log('report of yotpo-mock:', JSON.stringify(await mock.report(), null, 2))
  await mock.stop()
})

test('a customer is saved under its external id', async () => {
  await store.seed({ customers: [{ external_id: 'c-1', email: 'emma@example.com', first_name: 'Emma' }] })

  await integration.save({ external_id: 'c-1', last_name: 'Johnson' })

  const [customer] = await store.customers()
  assert.deepEqual([customer.first_name, customer.last_name], ['Emma', 'Johnson'])
})

test('a customer is sent again after a server error', async () => {
  await store.fault({ match: { operation: 'upsertCustomer' }, times: 1, status: 503 })

  await integration.save({ external_id: 'c-1' })

  await store.verify({ operation: 'upsertCustomer', status: 503, count: 1 })
  await store.verify({ operation: 'upsertCustomer', status: 200, body: { customer: { external_id: 'c-1' } }, count: 1 })
})

test('an expired token is replaced', async () => {
  await integration.save({ external_id: 'c-1' })
  await store.advance(15 * 24 * 3600)

  await integration.save({ external_id: 'c-2' })

  await store.verify({ operation: 'createAccessToken', count: 2 })
  await store.verify({ operation: 'upsertCustomer', status: 200, count: 2 })
})
