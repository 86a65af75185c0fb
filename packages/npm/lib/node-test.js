'use strict'

const { after, afterEach, before, beforeEach } = require('node:test')
const { YotpoMock } = require('./mock.js')
const { CurrentStore, storeName } = require('./use-store.js')
const { describeRequests, endRun } = require('./failure.js')

function useStore({ customers, events, settings, failOn, ...start } = {}) {
  const current = new CurrentStore()
  let mock
  before(async () => {
    mock = await YotpoMock.start(start)
  })
  beforeEach(async test => {
    current.set(mock, await mock.newStore({ customers, events, settings, name: storeName(test.name) }))
  })
  afterEach(async test => {
    // Node 18 does not know it: `passed` is undefined there.
    if (test.passed === false) {
      for (const line of (await describeRequests(current.store)).split('\n')) test.diagnostic(line)
    }
    current.set(mock, undefined)
  })
  after(async () => {
    current.set(undefined, undefined)
    // It is not there if it could not be started.
    if (mock) await endRun(mock, failOn)
  })
  return current
}

module.exports = { useStore }
