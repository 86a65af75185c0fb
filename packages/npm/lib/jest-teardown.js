// The global teardown of Jest.
'use strict'

const { endRun } = require('./failure.js')

module.exports = async () => {
  const run = globalThis[Symbol.for('yotpo-mock.run')]
  if (run) await endRun(run.mock, run.failOn)
}
