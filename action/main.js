// Starts the emulator, and hands its address to later steps.
'use strict'

const { execFileSync, spawn } = require('node:child_process')
const { createHash } = require('node:crypto')
const fs = require('node:fs')
const path = require('node:path')
const { setTimeout: sleep } = require('node:timers/promises')
const { input, run, set } = require('./actions.js')

const START_TIMEOUT_MS = 60_000
const POLL_MS = 10
const TARGETS = {
  'linux-x64': 'x86_64-unknown-linux-gnu',
  'linux-arm64': 'aarch64-unknown-linux-gnu',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64': 'x86_64-pc-windows-msvc'
}
const READY = /^yotpo-mock listening on (\S+)\r?\n/
// Of `yotpo-mock env`, those that route no other program of the job.
const PLAIN_VARIABLES = ['YOTPO_API_URL', 'YOTPO_STORE_ID', 'YOTPO_STORE_SECRET']
const SUMMARY = ['always', 'on-failure', 'never']

async function main() {
  const [store, secret] = parseStore(input('store'))
  if (!SUMMARY.includes(input('summary'))) {
    throw new Error(`the input \`summary\` must be ${SUMMARY.join(', ')}, and is \`${input('summary')}\``)
  }
  const folder = fs.mkdtempSync(path.join(process.env.RUNNER_TEMP, 'yotpo-mock-'))
  const binary = input('binary') ? path.resolve(input('binary')) : await download(folder)
  const url = await start(binary, folder, ['--store', `${store}:${secret}`])
  console.log(`yotpo-mock listens on ${url}`)

  set('GITHUB_OUTPUT', 'url', url)
  set('GITHUB_OUTPUT', 'store-id', store)
  set('GITHUB_OUTPUT', 'store-secret', secret)
  set('GITHUB_ENV', 'YOTPO_MOCK_URL', url)
  const args = ['env', '--url', url, '--store', `${store}:${secret}`, '--dir', path.join(folder, 'client')]
  if (input('route') === 'true') {
    fs.appendFileSync(process.env.GITHUB_ENV, execFileSync(binary, [...args, '--format', 'github']))
  } else {
    const variables = JSON.parse(execFileSync(binary, [...args, '--format', 'json'], { stdio: ['ignore', 'pipe', 'ignore'] }))
    for (const name of PLAIN_VARIABLES) set('GITHUB_ENV', name, variables[name])
  }
}

function parseStore(text) {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new Error(`the input \`store\` must be ID:SECRET, and is \`${text}\``)
  return [text.slice(0, colon), text.slice(colon + 1)]
}

/** Downloads the release for this runner, and returns the path of its binary. */
async function download(folder) {
  const [version, checksum] = [input('version'), input('checksum').toLowerCase()]
  if (!version || !checksum) throw new Error('set the inputs `version` and `checksum` of a release, or `binary`')
  const platform = `${process.platform}-${process.arch}`
  const target = TARGETS[platform]
  if (!target) throw new Error(`there is no release for ${platform}: build a binary with cargo, and set the input \`binary\``)
  const name = `yotpo-mock-${version}-${target}`
  const address = `${process.env.GITHUB_SERVER_URL}/${process.env.GITHUB_ACTION_REPOSITORY}/releases/download/v${version}/${name}.tar.gz`
  const response = await fetch(address).catch(error => {
    throw new Error(`cannot download ${address}: ${error.cause?.message ?? error.message}`)
  })
  if (!response.ok) throw new Error(`cannot download ${address}: the server answered ${response.status}; does this version exist?`)
  const archive = Buffer.from(await response.arrayBuffer())
  const actual = createHash('sha256').update(archive).digest('hex')
  if (actual !== checksum) {
    throw new Error(`the SHA-256 of ${address} is ${actual}, and not that of the input \`checksum\`, ${checksum}: it was not started`)
  }
  const file = path.join(folder, 'release.tar.gz')
  fs.writeFileSync(file, archive)
  execFileSync('tar', ['-xzf', file, '-C', folder])
  return path.join(folder, name, process.platform === 'win32' ? 'yotpo-mock.exe' : 'yotpo-mock')
}

/** Starts an emulator that outlives this step, and returns its URL. */
async function start(binary, folder, flags) {
  const seed = input('seed')
  const further = input('flags').split('\n').map(flag => flag.trim()).filter(Boolean)
  const args = ['serve', '--port', '0', ...flags, ...(seed ? ['--seed', seed] : []), ...further]
  const [stdout, log] = [path.join(folder, 'address.txt'), path.join(folder, 'log.txt')]
  const child = spawn(binary, args, { detached: true, stdio: ['ignore', fs.openSync(stdout, 'w'), fs.openSync(log, 'w')] })
  let ended
  child.on('error', error => (ended = `cannot run \`${binary}\`: ${error.message}`))
  child.on('exit', code => (ended ??= fs.readFileSync(log, 'utf8').trim() || `the emulator ended with exit status ${code}`))
  for (let waited = 0; waited < START_TIMEOUT_MS; waited += POLL_MS) {
    const url = READY.exec(fs.readFileSync(stdout, 'utf8'))?.[1]
    if (url) {
      set('GITHUB_STATE', 'pid', child.pid)
      set('GITHUB_STATE', 'url', url)
      set('GITHUB_STATE', 'log', log)
      child.unref()
      return url
    }
    if (ended) throw new Error(ended.replace(/^error: /, ''))
    await sleep(POLL_MS)
  }
  child.kill()
  throw new Error(`the emulator printed no address within ${START_TIMEOUT_MS / 1000} s`)
}

run(main)
