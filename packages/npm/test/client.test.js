// Each method of the client against a running emulator. `YOTPO_MOCK` is the path of the binary.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { afterEach, beforeEach, test } = require('node:test')
const { ControlError, VerificationError, YotpoMock, YotpoMockError } = require('../lib/index.js')
const { version } = require('../package.json')

const NOW = '2030-01-01T00:00:00Z'
const EMMA = { external_id: 'c-1', email: 'emma@example.com', phone_number: null }

let mock, folder

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'yotpo-mock-'))
  mock = await YotpoMock.start()
  await mock.freeze(NOW)
})

afterEach(async () => {
  await mock.stop()
  fs.rmSync(folder, { recursive: true })
})

/** A store with one customer and one event. */
async function shop() {
  const event = { unique_id: 'e-1', type: 'visit', timestamp: '2029-12-31T00:00:00Z', customer: { external_id: 'c-1' } }
  const customers = [{ external_id: 'c-1', email: 'emma@example.com' }]
  await mock.seed({ stores: [{ id: 'shop', secret: 's3cret', customers, events: [event] }] })
  return mock.store('shop', 's3cret')
}

/** A store that accepts any token. */
async function openStore() {
  await mock.seed({ stores: [{ id: 'open' }] })
  return mock.store('open')
}

/** A request of the code under test, with a token that the emulator accepts. */
async function send(store, method, path, body) {
  const headers = { 'X-Yotpo-Token': 'token', 'Content-Type': 'application/json' }
  const response = await fetch(store.apiUrl + path, { method, headers, body: JSON.stringify(body) })
  await response.text()
  return response.status
}

function upsert(store, customer) {
  return send(store, 'PATCH', '/customers', { customer })
}

function numbers(entries) {
  return entries.map(entry => entry.number)
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** The warnings of this process until `action` ends. */
async function warningsOf(action) {
  const warnings = []
  const listener = warning => warnings.push(warning)
  process.on('warning', listener)
  await action()
  // Warnings are emitted in a later turn.
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', listener)
  return warnings.map(warning => `${warning.name}: ${warning.message}`)
}

test('a running emulator can be connected to, and stays', async () => {
  const connected = await YotpoMock.connect(`${mock.url}/`)
  assert.equal(connected.url, mock.url)
  assert.equal((await connected.health()).version, version)
  assert.deepEqual([connected.log, connected.pid], ['', undefined])
  await connected[Symbol.asyncDispose]()
  assert.equal((await mock.health()).status, 'ready')
})

test('a store has its URLs and its secret', () => {
  const store = mock.store('a shop/1', 's3cret')
  assert.deepEqual({ ...store }, { id: 'a shop/1', secret: 's3cret' })
  assert.equal(store.url, mock.url)
  assert.equal(store.apiUrl, `${mock.url}/core/v3/stores/a%20shop%2F1`)
})

test('a new store has content, settings and a token', async () => {
  const store = await mock.newStore({
    customers: [{ external_id: 'c-1' }],
    events: [{ unique_id: 'e-1', type: 'visit', timestamp: NOW, customer: { external_id: 'c-1' } }],
    settings: { rate_limit: 7 },
    name: 'orders'
  })
  assert.match(store.id, /^orders-[0-9a-f]{8}$/)
  assert.ok((await store.accessToken()).startsWith(`ymt_0_${store.id}_`))
  assert.deepEqual((await store.customers()).map(customer => customer.external_id), ['c-1'])
  assert.deepEqual((await store.events()).map(event => event.unique_id), ['e-1'])
  assert.equal((await store.settings()).rate_limit, 7)
  assert.equal((await mock.settings()).rate_limit, 0)
  assert.notEqual((await mock.newStore()).id, store.id)
  await assert.rejects(mock.store(store.id, 'wrong').accessToken(), {
    name: 'ControlError',
    status: 401,
    hint: 'the store has another secret: `mock.store(id, secret)`'
  })
})

test('the emulator of `exec` is the default', async () => {
  process.env.YOTPO_API_URL = mock.url
  try {
    assert.equal((await YotpoMock.connect()).url, mock.url)
  } finally {
    delete process.env.YOTPO_API_URL
  }
})

test('ids of stores are encoded', async () => {
  for (const id of ['ä/b+c d%2F?&#', '..']) {
    const store = mock.store(id)
    await store.seed({ customers: [{ external_id: 'c-1' }] })
    assert.equal((await store.customers()).length, 1)
    assert.equal((await store.explain({ customer: { external_id: 'c-2' } })).number, 2)
  }
  await upsert(mock.store('ä/b+c d%2F?&#'), { external_id: 'c-2' })
  assert.deepEqual((await mock.store('ä/b+c d%2F?&#').requests()).map(entry => entry.store), ['ä/b+c d%2F?&#'])
})

test('something else than a number is rejected by the emulator', async () => {
  const store = await shop()
  const [customer] = await store.customers()
  for (const call of [() => store.lineage(customer), () => mock.request(customer), () => mock.findFault(customer)]) {
    await assert.rejects(call(), { name: 'ControlError', message: /`\[object Object\]`/ })
  }
})

test('stores are listed', async () => {
  await shop()
  assert.deepEqual(await mock.stores(), [{ id: 'shop', has_secret: true, customers: 1, events: 1, pending: 0 }])
})

test('customers are found by their identifiers', async () => {
  const store = await shop()
  await store.seed({ customers: [{ external_id: 'c-2', phone_number: '+4915112345678' }] })
  assert.deepEqual(numbers(await store.customers()), [1, 2])
  assert.deepEqual(numbers(await store.customers({ email: 'EMMA@example.com' })), [1])
  assert.deepEqual(numbers(await store.customers({ phoneNumber: '+4915112345678' })), [2])
  assert.deepEqual(await store.customers({ externalId: 'c-1', phoneNumber: '+4915112345678' }), [])
})

test('events are found by type, id and customer', async () => {
  const store = await shop()
  const expected = [
    { number: 1, unique_id: 'e-1', type: 'visit', source: null, timestamp: '2029-12-31T00:00:00', customer: EMMA, properties: {} }
  ]
  assert.deepEqual(await store.events(), expected)
  assert.deepEqual(await store.events({ type: 'visit', uniqueId: 'e-1', customer: 'emma@example.com' }), expected)
  for (const filter of [{ type: 'order' }, { uniqueId: 'e-2' }, { customer: 'c-2' }]) {
    assert.deepEqual(await store.events(filter), [])
  }
})

test('lists are followed to their last page', async () => {
  const store = await openStore()
  assert.deepEqual(await store.generate({ customers: 1001, events: 1001, seed: 7 }), { customers: 1001, events: 1001, seed: 7 })
  assert.deepEqual(numbers(await store.customers()), range(1, 1001))
  assert.deepEqual(numbers(await store.events()), range(1, 1001))
  await mock.seed({ stores: range(1, 1001).map(number => ({ id: `s-${number}` })) })
  assert.equal((await mock.stores()).length, 1002)
})

test('requests are followed to their last page', async () => {
  const other = await YotpoMock.start({ flags: ['--journal-entries', '2000'] })
  try {
    for (let count = 0; count < 1001; count++) await other.control.send('GET', '/core/v3/stores/shop/nothing')
    assert.deepEqual(numbers(await other.requests()), range(1, 1001))
    assert.deepEqual(numbers(await other.requests({ after: 1, before: 4 })), [2, 3])
  } finally {
    await other.stop()
  }
})

test('pending writes of both kinds are listed and settled', async () => {
  const store = await openStore()
  await store.changeSettings({ visibility_delay_ms: 60_000 })
  const event = { unique_id: 'e-1', type: 'visit', source: 's', timestamp: NOW, customer: { external_id: 'c-1' } }
  assert.equal(await upsert(store, { external_id: 'c-1' }), 200)
  assert.equal(await send(store, 'PATCH', '/customer_events', { customer_event: event }), 200)
  assert.equal(await upsert(store, { external_id: 'c-2' }), 200)
  assert.deepEqual((await store.pending()).map(write => write.request), [1, 2, 3])
  assert.deepEqual(await store.customers(), [])
  assert.equal(await store.settle(), 3)
  assert.deepEqual([(await store.customers()).length, (await store.events()).length, await store.pending()], [2, 1, []])
})

test('explain and lineage show how profiles merge', async () => {
  const store = await openStore()
  await upsert(store, { external_id: 'c-1' })
  await upsert(store, { email: 'emma@example.com' })
  const body = { customer: { external_id: 'c-1', email: 'emma@example.com' } }
  const { accepted, would, number, merged } = await store.explain(body)
  assert.deepEqual({ accepted, would, number, merged: numbers(merged) }, { accepted: true, would: 'updated', number: 1, merged: [2] })
  await send(store, 'PATCH', '/customers', body)
  assert.deepEqual((await store.lineage(1)).map(step => step.step), ['created', 'updated', 'merged'])
})

test('a seed can be a document, JSON or NDJSON', async () => {
  const none = { created: 0, replaced: 0 }
  const document = { stores: [{ id: 'a', customers: [{ external_id: 'c-1' }] }] }
  const line = JSON.stringify({ store: 'b', customer: { external_id: 'c-1' } })
  assert.deepEqual(await mock.seed(document), [{ id: 'a', customers: { created: 1, replaced: 0 }, events: none }])
  assert.deepEqual(await mock.seed(JSON.stringify(document, null, 2)), [{ id: 'a', customers: { created: 0, replaced: 1 }, events: none }])
  assert.deepEqual(await mock.seed(`${line}\n${line.replace('c-1', 'c-2')}\n`), [
    { id: 'b', customers: { created: 2, replaced: 0 }, events: none }
  ])
  assert.deepEqual(await mock.seed(Buffer.from(line)), [{ id: 'b', customers: { created: 0, replaced: 1 }, events: none }])
})

test('faults count their requests and can be removed', async () => {
  const store = await openStore()
  const fault = await store.fault({ match: { operation: 'upsertCustomer' }, times: 1, status: 503 })
  const counts = async () => [await fault.hits(), await fault.matched(), await fault.isUsedUp()]
  assert.deepEqual(await counts(), [0, 0, false])
  assert.equal(await upsert(store, { external_id: 'c-1' }), 503)
  assert.equal(await upsert(store, { external_id: 'c-1' }), 200)
  assert.deepEqual(await counts(), [1, 1, true])
  const everywhere = await mock.fault({ status: 500 })
  assert.deepEqual((await mock.faults()).map(fault => fault.id), [1, 2])
  assert.deepEqual((await store.faults()).map(fault => fault.id), [1])
  assert.deepEqual((await (await mock.findFault(1)).toJson()).match, { operation: 'upsertCustomer', store: 'open' })
  await everywhere.remove()
  assert.equal(await store.clearFaults(), 1)
  await mock.fault({ status: 500 })
  assert.equal(await mock.clearFaults(), 1)
  await assert.rejects(fault.hits(), /no fault/)
})

test('requests are recorded, oldest first', async () => {
  const store = await openStore()
  await upsert(store, { external_id: 'c-1' })
  await upsert(store, { email: 'nobody' })
  await send(mock.store('other'), 'GET', '/customers?limit=1')
  assert.deepEqual((await mock.requests()).map(entry => entry.status), [200, 400, 200])
  assert.deepEqual((await store.requests()).map(entry => entry.status), [200, 400])
  assert.deepEqual(numbers(await mock.requests({ operation: 'retrieveCustomers', status: 200 })), [3])
  assert.deepEqual((await mock.request(2)).request.body, { customer: { email: 'nobody' } })
  await store.clearRequests()
  assert.deepEqual(numbers(await mock.requests()), [3])
  await mock.clearRequests()
  assert.deepEqual(await mock.requests(), [])
})

test('verify expects one request unless it is given a number', async () => {
  const store = await openStore()
  await upsert(store, { external_id: 'c-1' })
  await upsert(store, { external_id: 'c-2' })
  const operation = 'upsertCustomer'
  assert.equal(await store.verify({ operation, body: { customer: { external_id: 'c-1' } } }), 1)
  assert.equal(await store.verify({ operation, count: 2 }), 2)
  assert.equal(await store.verify({ operation, at_least: 1 }), 2)
  assert.equal(await store.verify({ operation, at_most: 2 }), 2)
  assert.equal(await store.verify({ operation: 'retrieveCustomers', count: 0 }), 0)
})

test('a failed verification shows how the nearest requests differ', async () => {
  const store = await openStore()
  await upsert(store, { external_id: 'c-1', first_name: 'Émma' })
  await upsert(store, { external_id: 'c-2' })
  const customer = { external_id: 'c-1', first_name: 'Anna' }
  const failure = await store.verify({ operation: 'upsertCustomer', body: { customer } }).catch(error => error)
  assert(failure instanceof VerificationError)
  assert.equal(
    failure.message,
    '0 requests instead of 1 match {"operation":"upsertCustomer","body":{"customer":{"external_id":"c-1","first_name":"Anna"}}}\n' +
      'request 1:\n' +
      '  body.customer.first_name: expected "Anna", found "Émma"\n' +
      'request 2:\n' +
      '  body.customer.external_id: expected "c-1", found "c-2"\n' +
      '  body.customer.first_name: expected "Anna", found null'
  )
  assert.match(failure.stack, /client\.test\.js/)
  await assert.rejects(mock.verify({ operation: 'upsertCustomer', at_least: 3, at_most: 4 }), {
    message: '2 requests instead of at least 3 and at most 4 match {"operation":"upsertCustomer"}'
  })
  await assert.rejects(mock.verify(), { message: '2 requests instead of 1 match {}\nrequest 2: matches\nrequest 1: matches' })
})

test('the report counts and lists problems', async () => {
  const store = await openStore()
  await send(store, 'GET', '/customers?surprise=1')
  assert.equal((await store.report()).requests, 1)
  assert.equal('problems' in (await mock.report()), false)
  const { problems } = await mock.report({ failOn: ['unmatched', 'note:query.unknown_parameter'] })
  assert.deepEqual(problems, ['note:query.unknown_parameter (assumed): surprise'])
  assert.deepEqual((await mock.report({ failOn: 'no-requests' })).problems, [])
  await store.clearReport()
  assert.equal((await store.report()).requests, 0)
  await mock.clearReport()
  assert.equal((await mock.report()).requests, 0)
})

test('settings are changed for one store or all', async () => {
  const store = await shop()
  assert.equal((await store.changeSettings({ rate_limit: 3, validation: 'lenient' })).rate_limit, 3)
  assert.equal((await mock.changeSettings({ empty_result: 'error' })).rate_limit, 0)
  const { rate_limit, validation, empty_result } = await store.settings()
  assert.deepEqual({ rate_limit, validation, empty_result }, { rate_limit: 3, validation: 'lenient', empty_result: 'error' })
  assert.equal((await store.changeSettings({ rate_limit: null })).rate_limit, 0)
})

test('time stands, goes on and is set', async () => {
  const store = await shop()
  assert.deepEqual(await mock.clock(), { now: NOW, frozen: true, offset_ms: 0 })
  assert.equal((await mock.advance(1.5)).now, '2030-01-01T00:00:01.500Z')
  const advanced = { now: '2030-01-02T01:02:03.750Z', frozen: true, offset_ms: 90_122_250 }
  assert.deepEqual(await store.advance({ days: 1, hours: 1, minutes: 2, seconds: 2, milliseconds: 250 }), advanced)
  assert.equal((await mock.setTime('2030-01-03T00:00:00Z')).now, '2030-01-03T00:00:00Z')
  assert.equal((await mock.setTime(new Date('2030-01-04T00:00:00Z'))).now, '2030-01-04T00:00:00Z')
  assert.equal((await store.setTime('2030-02-01T00:00:00Z')).now, '2030-02-01T00:00:00Z')
  assert.equal((await store.clock()).now, '2030-02-01T00:00:00Z')
  assert.equal((await mock.unfreeze()).frozen, false)
  assert.equal((await mock.freeze()).frozen, true)
  assert.throws(() => mock.advance({ weeks: 1 }), {
    message: '`weeks` is not a unit: there are days, hours, minutes, seconds, milliseconds'
  })
})

test('states are returned, replaced and reset', async () => {
  const store = await shop()
  const [whole, ofStore] = [await mock.state(), await store.state()]
  await store.reset('empty')
  assert.deepEqual(await store.customers(), [])
  await store.replaceState(ofStore)
  assert.equal((await store.customers()).length, 1)
  await mock.reset()
  assert.deepEqual(await mock.stores(), [])
  await mock.replaceState(whole)
  assert.deepEqual(await mock.state(), whole)
})

test('a snapshot of a store restores one store', async () => {
  const [store, other] = [await shop(), await openStore()]
  const snapshot = await store.snapshot()
  assert.deepEqual(snapshot.state, await store.state())
  await store.seed({ customers: [{ external_id: 'c-2' }] })
  await other.seed({ customers: [{ external_id: 'c-3' }] })
  await snapshot.restore()
  assert.deepEqual((await store.customers()).map(customer => customer.external_id), ['c-1'])
  assert.deepEqual((await other.customers()).map(customer => customer.external_id), ['c-3'])
})

test('snapshots are taken, listed, restored and deleted', async () => {
  const store = await shop()
  const snapshot = await mock.snapshot('before')
  assert.deepEqual({ ...snapshot }, { name: 'before', takenAt: NOW, stores: 1, customers: 1, events: 1 })
  await mock.reset('empty')
  await (await mock.findSnapshot('before')).restore()
  assert.equal((await store.customers()).length, 1)
  const unnamed = await mock.snapshot()
  assert.deepEqual((await mock.snapshots()).map(snapshot => snapshot.name), ['before', unnamed.name])
  await unnamed.delete()
  await snapshot.delete()
  assert.deepEqual(await mock.snapshots(), [])
})

test('the state is saved to its file', async () => {
  const file = path.join(folder, 'state.json')
  const first = await YotpoMock.start({ flags: ['--state', file] })
  await first.store('shop').seed({ customers: [{ external_id: 'c-1' }] })
  assert.deepEqual(await first.saveState(), { file, bytes: fs.statSync(file).size })
  await first.stop()
  const second = await YotpoMock.start({ flags: ['--state', file] })
  assert.equal((await second.store('shop').customers()).length, 1)
  await second.stop()
})

test('documents and the certificate are returned', async () => {
  assert('/core/v3/stores/{store_id}/customers' in (await mock.openapi()).paths)
  assert('/_mock/health' in (await mock.controlOpenapi()).paths)
  assert.match(await mock.caCertificate(), /^-----BEGIN CERTIFICATE-----\n/)
})

test('the environment routes clients to the emulator', async () => {
  const store = await shop()
  const variables = await mock.environment({ store, directory: folder })
  assert.equal(variables.HTTPS_PROXY, mock.url)
  assert.deepEqual([variables.YOTPO_STORE_ID, variables.YOTPO_STORE_SECRET], ['shop', 's3cret'])
  assert.equal(path.dirname(variables.NODE_EXTRA_CA_CERTS), folder)
  assert.equal((await mock.environment({ directory: folder })).YOTPO_STORE_ID, 'shop')
  await assert.rejects(mock.environment({ directory: '/dev/null/folder' }), { name: 'YotpoMockError', message: /^error: / })
})

test('rejected control requests say what to do', async () => {
  const store = await shop()
  const error = await store.fault({ times: 0, status: 503 }).catch(error => error)
  assert(error instanceof ControlError && error instanceof YotpoMockError)
  assert.equal(error.status, 400)
  assert.match(error.error, /`times`/)
  assert.equal(error.message, `${error.error}\nhint: ${error.hint}`)
  await assert.rejects(store.changeSettings({ rate_limits: 5 }), { message: /^`rate_limits` is not a setting/ })
})

test('a probable mistake is a warning of the process', async () => {
  await shop()
  const expected = ['YotpoMockWarning: store `nowhere` does not exist; `GET /_mock/stores` lists all stores']
  assert.deepEqual(await warningsOf(() => mock.store('nowhere').fault({ status: 503 })), expected)
  const other = expected.map(warning => warning.replace('nowhere', 'elsewhere'))
  assert.deepEqual(await warningsOf(() => mock.store('elsewhere').verify({ count: 0 })), other)
})

test('requests at the same time do not disturb each other', async () => {
  const stores = await Promise.all(range(1, 50).map(() => mock.newStore()))
  assert.deepEqual((await mock.stores()).map(store => store.id), stores.map(store => store.id).sort())
})

test('a control token protects the control API', async () => {
  const other = await YotpoMock.start({ controlToken: 't0ken' })
  try {
    assert.deepEqual(await other.stores(), [])
    assert.equal((await other.environment({ directory: folder })).HTTPS_PROXY, other.url)
    const known = await YotpoMock.connect(other.url, { controlToken: 't0ken' })
    assert.deepEqual(await known.stores(), [])
    await known.stop()
    const unknown = await YotpoMock.connect(other.url)
    await assert.rejects(unknown.stores(), { name: 'ControlError', status: 401 })
    await unknown.stop()
  } finally {
    await other.stop()
  }
})
