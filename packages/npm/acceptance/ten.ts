// Ten tests of the integration, for any runner. One fails on purpose, to show its report.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { FaultSpec, Store, YotpoMock } from 'yotpo-mock'
import { Integration } from './integration.js'

interface Current {
  readonly mock: YotpoMock
  readonly store: Store
}

const unavailable: FaultSpec = { match: { operation: 'upsertCustomer' }, times: 2, status: 503 }

function integrationOf(yotpo: Current): Integration {
  return new Integration(yotpo.store.apiUrl, yotpo.store.secret)
}

export const ten: Record<string, (yotpo: Current) => Promise<void>> = {
  'a customer is saved': async yotpo => {
    await integrationOf(yotpo).save({ external_id: 'c-1', email: 'emma@example.com' })
    const [customer] = await yotpo.store.customers()
    assert.equal(customer?.email, 'emma@example.com')
  },

  'a customer is updated': async yotpo => {
    await yotpo.store.seed({ customers: [{ external_id: 'c-1', first_name: 'Emma' }] })
    await integrationOf(yotpo).save({ external_id: 'c-1', last_name: 'Johnson' })
    const [customer] = await yotpo.store.customers({ externalId: 'c-1' })
    assert.deepEqual([customer?.first_name, customer?.last_name], ['Emma', 'Johnson'])
  },

  'a customer is found': async yotpo => {
    await yotpo.store.seed({ customers: [{ external_id: 'c-1', email: 'emma@example.com' }] })
    assert.equal((await integrationOf(yotpo).find('emma@example.com'))?.external_id, 'c-1')
  },

  'an event is tracked': async yotpo => {
    const event = { unique_id: 'e-1', type: 'visit', source: 'shop', timestamp: '2026-01-01T00:00:00Z' }
    await integrationOf(yotpo).track({ ...event, customer: { external_id: 'c-1' } })
    assert.deepEqual(
      (await yotpo.store.events()).map(event => event.type),
      ['visit']
    )
  },

  'a server error is tried again': async yotpo => {
    const fault = await yotpo.store.fault(unavailable)
    await integrationOf(yotpo).save({ external_id: 'c-1' })
    assert.equal(await fault.hits(), 2)
    assert.equal(await yotpo.store.verify({ operation: 'upsertCustomer', status: 503, count: 2 }), 2)
  },

  'an expired token is replaced': async yotpo => {
    const integration = integrationOf(yotpo)
    await integration.save({ external_id: 'c-1' })
    await yotpo.store.advance({ days: 15 })
    await integration.save({ external_id: 'c-2' })
    await yotpo.store.verify({ operation: 'createAccessToken', count: 2 })
  },

  'a write is visible later': async yotpo => {
    await yotpo.store.changeSettings({ visibility_delay_ms: 60_000 })
    const integration = integrationOf(yotpo)
    await integration.save({ external_id: 'c-1', email: 'emma@example.com' })
    assert.equal(await integration.find('emma@example.com'), undefined)
    await yotpo.store.advance({ minutes: 1 })
    assert.equal((await integration.find('emma@example.com'))?.external_id, 'c-1')
  },

  'an invalid customer is an error': async yotpo => {
    await assert.rejects(integrationOf(yotpo).save({ external_id: 'c-1', email: 'nobody' }), /e-mail/)
    assert.deepEqual((await yotpo.store.report()).rejections, { 'customer.email.format': 1 })
    const last = (await yotpo.store.requests()).at(-1)
    assert.equal((await yotpo.mock.request(last?.number ?? 0)).status, 400)
  },

  'an unmodified integration is routed': async yotpo => {
    const program = `
      const https = require('node:https')
      const path = '/core/v3/stores/' + process.env.YOTPO_STORE_ID + '/access_tokens'
      const request = https.request('https://api.yotpo.com' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' } })
      request.end(JSON.stringify({ secret: process.env.YOTPO_STORE_SECRET }))
      request.on('response', response => process.exit(response.statusCode === 200 ? 0 : 1))`
    const env = { ...process.env, ...(await yotpo.mock.environment({ store: yotpo.store })) }
    await promisify(execFile)(process.execPath, ['-e', program], { env })
    await yotpo.store.verify({ operation: 'createAccessToken', status: 200 })
  },

  'red on purpose': async yotpo => {
    await integrationOf(yotpo).save({ external_id: 'c-1', email: 'emma@example.com' })
    await yotpo.store.verify({ operation: 'upsertCustomer', body: { customer: { email: 'anna@example.com' } } })
  }
}
