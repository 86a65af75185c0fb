// The global set-up of Vitest: one emulator for the run.
import failure from './failure.js'
import { YotpoMock } from './index.js'

/** A global set-up with options. */
export function globalSetup({ failOn, ...start } = {}) {
  return async ({ provide }) => {
    const mock = await YotpoMock.start(start)
    provide('yotpoMockUrl', mock.url)
    return () => failure.endRun(mock, failOn)
  }
}

export default globalSetup()
