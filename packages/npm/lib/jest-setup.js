// The global set-up of Jest: one emulator for the run. The global variable `yotpoMock` of the configuration has its options.
'use strict'

const { YotpoMock } = require('./mock.js')

module.exports = async (_globalConfig, projectConfig) => {
  const { failOn, ...start } = projectConfig.globals.yotpoMock ?? {}
  const mock = await YotpoMock.start(start)
  // The workers inherit it.
  process.env.YOTPO_MOCK_URL = mock.url
  globalThis[Symbol.for('yotpo-mock.run')] = { mock, failOn }
}
