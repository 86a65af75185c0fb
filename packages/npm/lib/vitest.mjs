import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest'
import failure from './failure.js'
import { YotpoMock } from './index.js'
import useStores from './use-store.js'

export function useStore({ customers, events, settings } = {}) {
  const current = new useStores.CurrentStore()
  let mock
  beforeAll(async () => {
    const url = inject('yotpoMockUrl')
    if (!url) throw new Error("no emulator was started: add `globalSetup: ['yotpo-mock/vitest/setup']` to the configuration of Vitest")
    mock = await YotpoMock.connect(url)
  })
  beforeEach(async ({ task, onTestFailed }) => {
    const store = await mock.newStore({ customers, events, settings, name: useStores.storeName(task.name) })
    current.set(mock, store)
    onTestFailed(async () => console.error(await failure.describeRequests(store)))
  })
  afterEach(() => current.set(mock, undefined))
  afterAll(async () => {
    current.set(undefined, undefined)
    await mock?.stop()
  })
  return current
}
