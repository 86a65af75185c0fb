// What a test runner prints about a failed test and a finished run.
'use strict'

const { YotpoMockError } = require('./errors.js')

const MAX_SHOWN_REQUESTS = 20

/** The latest requests to a store, for the report of a failed test. */
async function describeRequests(store) {
  let entries
  try {
    entries = await store.requests()
  } catch (error) {
    if (!(error instanceof YotpoMockError)) throw error
    return `The requests to ${store.id} are not known, since ${error.message.split('\n')[0]}`
  }
  const shown = entries.slice(-MAX_SHOWN_REQUESTS)
  const heading =
    shown.length < entries.length ? `The latest ${shown.length} of ${entries.length} requests` : entries.length ? 'Requests' : 'No requests'
  return [`${heading} to ${store.id}`, ...shown.map(describeRequest)].join('\n')
}

function describeRequest({ number, method, path, status, fault, notes, request, response }) {
  const query = Object.entries(request.query).map(([name, value]) => `${name}=${value}`)
  const target = query.length ? `${path}?${query.join('&')}` : path
  const lines = [`#${number} ${method} ${target} → ${status || 'no response'}`]
  if (request.body !== null) lines.push(`  sent      ${JSON.stringify(request.body)}`)
  if (response.body !== null) lines.push(`  received  ${JSON.stringify(response.body)}`)
  if (fault !== null) lines.push(`  fault     ${fault}`)
  if (notes.length) lines.push(`  notes     ${notes.map(note => note.id).join(', ')}`)
  return lines.join('\n')
}

/** Stops an emulator at the end of a run. Throws if the run has problems of the kinds in `failOn`. */
async function endRun(mock, failOn = []) {
  try {
    if (failOn.length === 0) return
    const { problems } = await mock.report({ failOn })
    if (problems.length) throw new YotpoMockError(`yotpo-mock found problems in this run:\n  ${problems.join('\n  ')}`)
  } finally {
    await mock.stop()
  }
}

module.exports = { describeRequests, endRun }
