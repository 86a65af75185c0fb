'use strict'

const { YotpoMock } = require('./mock.js')
const { CurrentStore, storeName } = require('./use-store.js')
const { describeRequests } = require('./failure.js')

function useStore({ customers, events, settings } = {}) {
  const { afterAll, afterEach, beforeAll, beforeEach, expect } = globalThis
  const current = new CurrentStore()
  let mock
  beforeAll(async () => {
    const url = process.env.YOTPO_MOCK_URL
    if (!url) throw new Error("no emulator was started: add `globalSetup: 'yotpo-mock/jest/setup'` to the configuration of Jest")
    mock = await YotpoMock.connect(url)
  })
  beforeEach(async () => {
    const name = storeName(expect.getState().currentTestName)
    current.set(mock, await mock.newStore({ customers, events, settings, name }))
  })
  afterEach(async () => {
    if (hasFailed()) console.error(await describeRequests(current.store))
    current.set(mock, undefined)
  })
  afterAll(async () => {
    current.set(undefined, undefined)
    await mock?.stop()
  })
  return current
}

/** Whether the running test has failed. Jest's hooks are not told, but its runner keeps its state where they can find it. */
function hasFailed() {
  const symbol = Object.getOwnPropertySymbols(globalThis).find(symbol => symbol.description === 'JEST_STATE_SYMBOL')
  return Boolean(globalThis[symbol]?.currentlyRunningTest?.errors.length)
}

module.exports = { useStore }
