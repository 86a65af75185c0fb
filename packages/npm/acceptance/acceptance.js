// Runs the ten tests under each runner, and compares the printed requests of the failed one with `expected.txt`.
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')

const expected = fs.readFileSync('expected.txt', 'utf8').trimEnd().split('\n')
const runners = [
  ['node --test', ['node', '--test', '--test-reporter=spec', 'dist/node.test.js'], /pass 9\n(.*\n)*.*fail 1\n/],
  ['vitest', ['npx', 'vitest', 'run'], /1 failed \| 9 passed/],
  ['jest', ['npx', 'jest'], /1 failed, 9 passed/]
]

for (const [name, [command, ...args], counts] of runners) {
  const env = { ...process.env, NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env })
  const output = `${stdout}\n${stderr}`
  console.log(`--- ${name}\n${output}`)
  assert.equal(status, 1, 'one test fails')
  assert.match(output, counts)
  const lines = output.split('\n').map(line => line.replace(/^\W*(?=#|Requests|sent|received)/, ''))
  const start = lines.findIndex(line => line.startsWith('Requests to'))
  const printed = lines.slice(start, start + expected.length)
  // Numbers and random ids differ from run to run.
  assert.deepEqual(printed.map(line => line.replace(/-[0-9a-f]{8}\b/g, '-XXXXXXXX').replace(/^#\d+/, '#N')), expected)
}
