// The steps of the action, run by hand with the files that GitHub gives them. `YOTPO_MOCK` is the path of the binary.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync, spawn } = require('node:child_process')
const { createHash } = require('node:crypto')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')

const BINARY = path.resolve(process.env.YOTPO_MOCK ?? 'target/release/yotpo-mock')
const DEFAULTS = { store: 'shop:s3cret', route: 'false', summary: 'always', 'job-status': 'success' }
const FILES = ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_STATE', 'GITHUB_STEP_SUMMARY']

/** A job on a runner, which knows what its steps have set. */
class Job {
  constructor(test, inputs) {
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'yotpo-mock-action-'))
    this.inputs = { ...DEFAULTS, ...inputs }
    for (const name of FILES) fs.writeFileSync(path.join(this.folder, name), '')
    test.after(() => {
      if (this.state.pid) {
        try {
          process.kill(Number(this.state.pid))
        } catch {
          // The post step has stopped it.
        }
      }
      fs.rmSync(this.folder, { recursive: true, force: true })
    })
  }

  async run(step, environment = {}) {
    const env = { ...process.env, RUNNER_TEMP: this.folder, ...environment }
    for (const name of FILES) env[name] = path.join(this.folder, name)
    for (const [name, value] of Object.entries(this.inputs)) env[`INPUT_${name.toUpperCase()}`] = value
    for (const [name, value] of Object.entries(this.state)) env[`STATE_${name}`] = value
    const child = spawn(process.execPath, [path.join(__dirname, '..', `${step}.js`)], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', chunk => (output += chunk))
    const [code] = await once(child, 'close')
    return { code, output }
  }

  get state() {
    return this.values('GITHUB_STATE')
  }

  values(file) {
    const text = fs.readFileSync(path.join(this.folder, file), 'utf8')
    return Object.fromEntries([...text.matchAll(/^(\w[\w-]*)<<(.*)\n([^]*?)\n\2$/gm)].map(([, name, , value]) => [name, value]))
  }

  get summary() {
    return fs.readFileSync(path.join(this.folder, 'GITHUB_STEP_SUMMARY'), 'utf8')
  }
}

async function send(url, method, path, body) {
  const headers = { 'X-Yotpo-Token': 'token', 'Content-Type': 'application/json' }
  const response = await fetch(`${url}/core/v3/stores/shop${path}`, { method, headers, body: body && JSON.stringify(body) })
  return { status: response.status, json: await response.json() }
}

async function hasEnded(url) {
  return fetch(`${url}/_mock/health`).then(
    () => hasEnded(url),
    () => true
  )
}

test('the steps start an emulator, export it, report and stop', async test => {
  const job = new Job(test, { binary: BINARY })
  const started = await job.run('main')
  const { url, ...store } = job.values('GITHUB_OUTPUT')
  assert.deepEqual(started, { code: 0, output: `yotpo-mock listens on ${url}\n` })
  assert.deepEqual(store, { 'store-id': 'shop', 'store-secret': 's3cret' })
  const expected = { YOTPO_MOCK_URL: url, YOTPO_API_URL: url, YOTPO_STORE_ID: 'shop', YOTPO_STORE_SECRET: 's3cret' }
  assert.deepEqual(job.values('GITHUB_ENV'), expected)

  assert.equal((await send(url, 'POST', '/access_tokens', { secret: 's3cret' })).status, 200)
  assert.equal((await send(url, 'GET', '/nothing|`<b>`')).status, 404)
  assert.deepEqual(await job.run('post'), { code: 0, output: '' })
  assert.equal(
    job.summary,
    `## yotpo-mock

Requests: 2, with an injected fault: 0

| Operation | Status | Requests |
| --- | --- | --- |
| createAccessToken | 200 | 1 |

### Requests that are not part of the API

| Request | Status | Requests |
| --- | --- | --- |
| GET /core/v3/stores/shop/nothing\\|%60%3Cb%3E%60 | 404 | 1 |

### Rejected requests

| Rule | Requests |
| --- | --- |
| path.unknown | 1 |

`
  )
  assert(await hasEnded(url))
})

test('problems fail the job, with an annotation for each', async test => {
  const job = new Job(test, { binary: BINARY, 'fail-on': 'unmatched,no-requests', summary: 'on-failure' })
  await job.run('main')
  await send(job.state.url, 'GET', '/nothing')
  const ended = await job.run('post')
  const problem = 'unmatched: GET /core/v3/stores/shop/nothing answered 404'
  assert.deepEqual(ended, { code: 1, output: `::error title=yotpo-mock::${problem}\n` })
  assert.match(job.summary, new RegExp(`^## yotpo-mock\n\nRequests: 1, (.*\n)*### Problems\n\n- ${problem}\n`))
})

test('the summary is written when its input says so', async test => {
  for (const [summary, status, isWritten] of [
    ['on-failure', 'success', false],
    ['on-failure', 'failure', true],
    ['never', 'failure', false]
  ]) {
    const job = new Job(test, { binary: BINARY, summary, 'job-status': status })
    await job.run('main')
    assert.equal((await job.run('post')).code, 0)
    assert.equal(job.summary !== '', isWritten, `${summary}, ${status}`)
  }
})

test('flags, seeds and the route reach the job', async test => {
  const seed = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'seed-')), 'seed.json')
  test.after(() => fs.rmSync(path.dirname(seed), { recursive: true }))
  fs.writeFileSync(seed, '{"stores":[{"id":"shop","customers":[{"external_id":"c-1"}]}]}')
  const job = new Job(test, { binary: BINARY, seed, flags: '--rate-limit\n3\n', route: 'true' })
  assert.equal((await job.run('main')).code, 0)
  const { url } = job.state
  assert.equal((await (await fetch(`${url}/_mock/settings`)).json()).settings.rate_limit, 3)
  assert.equal((await (await fetch(`${url}/_mock/stores/shop/customers`)).json()).customers.length, 1)
  const variables = fs.readFileSync(path.join(job.folder, 'GITHUB_ENV'), 'utf8')
  assert.match(variables, new RegExp(`^HTTPS_PROXY=${url}$`, 'm'))
  await job.run('post')
})

test('what is wrong fails the first step with a sentence', async test => {
  const advice = 'set the inputs `version` and `checksum` of a release, or `binary`'
  for (const [inputs, message] of [
    [{}, advice],
    [{ version: '0.1.0' }, advice],
    [{ binary: '/nowhere/yotpo-mock' }, 'cannot run `/nowhere/yotpo-mock`: spawn /nowhere/yotpo-mock ENOENT'],
    [{ binary: BINARY, store: 'shop' }, 'the input `store` must be ID:SECRET, and is `shop`'],
    [{ binary: BINARY, summary: 'sometimes' }, 'the input `summary` must be always, on-failure, never, and is `sometimes`'],
    [{ binary: BINARY, seed: '/nowhere' }, /^cannot seed from `\/nowhere`: no such file%0Ahint: /],
    [{ binary: BINARY, flags: '--no-such-flag' }, /^unexpected argument '--no-such-flag' found/]
  ]) {
    const job = new Job(test, inputs)
    const { code, output } = await job.run('main')
    const shown = output.replace('::error title=yotpo-mock::', '').trimEnd()
    assert.equal(code, 1)
    if (typeof message === 'string') assert.equal(shown, message)
    else assert.match(shown, message)
    assert.deepEqual(await job.run('post'), { code: 0, output: '' })
  }
})

test('an invalid kind of problem, and an emulator that has ended, fail the last step', async test => {
  const misspelt = new Job(test, { binary: BINARY, 'fail-on': 'unmached' })
  await misspelt.run('main')
  assert.match((await misspelt.run('post')).output, /^::error title=yotpo-mock::the input `fail-on`: `fail_on` has `unmached`: /)

  const ended = new Job(test, { binary: BINARY })
  await ended.run('main')
  process.kill(Number(ended.state.pid))
  await hasEnded(ended.state.url)
  const { code, output } = await ended.run('post')
  assert.equal(code, 1)
  assert.match(output, /^::error title=yotpo-mock::the emulator has ended before the job did; the end of its log:%0A.*stopped/)
})

test('a release is downloaded, and refused if its checksum is another one', { skip: process.platform !== 'linux' }, async test => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'release-'))
  test.after(() => fs.rmSync(folder, { recursive: true }))
  const target = process.arch === 'arm64' ? 'aarch64-unknown-linux-gnu' : 'x86_64-unknown-linux-gnu'
  const name = `yotpo-mock-1.2.3-${target}`
  fs.mkdirSync(path.join(folder, name))
  fs.copyFileSync(BINARY, path.join(folder, name, 'yotpo-mock'))
  const archive = execFileSync('tar', ['-cz', name], { cwd: folder, maxBuffer: 1 << 28 })
  const server = http.createServer((request, response) => {
    const isKnown = request.url === `/owner/yotpo-mock/releases/download/v1.2.3/${name}.tar.gz`
    response.writeHead(isKnown ? 200 : 404).end(isKnown ? archive : '')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  test.after(() => server.close())
  const address = `http://127.0.0.1:${server.address().port}`
  const github = { GITHUB_SERVER_URL: address, GITHUB_ACTION_REPOSITORY: 'owner/yotpo-mock' }
  const checksum = createHash('sha256').update(archive).digest('hex')

  const job = new Job(test, { version: '1.2.3', checksum: checksum.toUpperCase() })
  assert.equal((await job.run('main', github)).code, 0)
  assert.equal((await job.run('post', github)).code, 0)

  const changed = await new Job(test, { version: '1.2.3', checksum: '00' }).run('main', github)
  assert.match(changed.output, new RegExp(`is ${checksum}, and not that of the input \`checksum\`, 00: it was not started`))
  const unknown = await new Job(test, { version: '9.9.9', checksum }).run('main', github)
  assert.match(unknown.output, /the server answered 404; does this version exist\?/)
})
