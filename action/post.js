// Reports on the requests of the job, and stops the emulator.
'use strict'

const fs = require('node:fs')
const { annotate, input, run, saved } = require('./actions.js')

async function post() {
  const url = saved('url')
  // The emulator did not start.
  if (!url) return
  try {
    await report(url)
  } finally {
    stop(Number(saved('pid')))
  }
}

async function report(url) {
  const failOn = input('fail-on')
  const query = failOn ? `?fail_on=${encodeURIComponent(failOn)}` : ''
  const response = await fetch(`${url}/_mock/report${query}`).catch(() => {
    throw new Error(`the emulator has ended before the job did; the end of its log:\n${endOf(saved('log'))}`)
  })
  const result = await response.json()
  if (!response.ok) throw new Error(`the input \`fail-on\`: ${result.error}`)
  const problems = result.problems ?? []
  problems.forEach(annotate)
  if (problems.length) process.exitCode = 1
  const hasFailed = problems.length > 0 || input('job-status') !== 'success'
  if (input('summary') === 'always' || (input('summary') === 'on-failure' && hasFailed)) {
    fs.appendFileSync(process.env.GITHUB_STEP_SUMMARY, markdown(result, problems))
  }
}

function stop(pid) {
  try {
    process.kill(pid, 'SIGTERM')
  } catch {
    // It has ended already.
  }
}

function endOf(log) {
  return fs.readFileSync(log, 'utf8').trim().split('\n').slice(-20).join('\n')
}

/** The report as Markdown. */
function markdown(report, problems) {
  const lines = ['## yotpo-mock', '', `Requests: ${report.requests}, with an injected fault: ${report.injected}`, '']
  if (problems.length) lines.push('### Problems', '', ...problems.map(problem => `- ${escape(problem)}`), '')
  lines.push(...table(['Operation', 'Status', 'Requests'], callRows(report.calls)))
  const unmatched = report.unmatched.map(({ method, path, status, count }) => [`${method} ${path}`, status, count])
  lines.push(...section('Requests that are not part of the API', ['Request', 'Status', 'Requests'], unmatched))
  lines.push(...section('Rejected requests', ['Rule', 'Requests'], Object.entries(report.rejections)))
  const notes = Object.entries(report.notes).map(([id, { grade, count, fields }]) => [grade, id, fields.join(', '), count])
  lines.push(...section('What the requests depended on', ['Grade', 'Note', 'Fields', 'Requests'], notes))
  return `${lines.join('\n')}\n`
}

function callRows(calls) {
  return Object.entries(calls).flatMap(([operation, statuses]) =>
    Object.entries(statuses).map(([status, count]) => [operation, status === '0' ? 'no response' : status, count])
  )
}

function section(title, head, rows) {
  return rows.length ? [`### ${title}`, '', ...table(head, rows)] : []
}

function table(head, rows) {
  if (rows.length === 0) return []
  const line = cells => `| ${cells.map(escape).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}

function escape(text) {
  return String(text).replace(/[|<>`\\]/g, '\\$&')
}

run(post)
