// Starting, stopping and losing an emulator. `YOTPO_MOCK` is the path of the binary.
'use strict'

const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const net = require('node:net')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { YotpoMock } = require('../lib/index.js')
const { findBinary } = require('../lib/binary.js')
const { version } = require('../package.json')

const PACKAGE = path.dirname(__dirname)
const POSIX = { skip: process.platform === 'win32' && 'signals are those of POSIX' }

/** A folder that is removed after the test. */
function folderOf(test) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'yotpo-mock-'))
  test.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The URL of a server that is not the emulator, but answers each request with this body. */
async function serve(test, body) {
  const server = http.createServer((_, response) => response.end(body)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.after(() => server.closeAllConnections() ?? server.close())
  return `http://127.0.0.1:${server.address().port}`
}

/** A port on which nothing listens after the test has begun. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function script(folder, text) {
  const file = path.join(folder, 'program')
  fs.writeFileSync(file, text, { mode: 0o755 })
  return file
}

async function without(name, action) {
  const value = process.env[name]
  delete process.env[name]
  try {
    return await action()
  } finally {
    if (value !== undefined) process.env[name] = value
  }
}

test('stopping twice is stopping once', async () => {
  const mock = await YotpoMock.start()
  await mock.stop()
  await mock.stop()
  await assert.rejects(mock.health(), { name: 'UnreachableError', message: /^the emulator ended with exit status 0; the end of its log:\n/ })
})

test('flags and variables reach the emulator', async () => {
  const mock = await YotpoMock.start({ flags: ['--rate-limit', '3'], env: { YOTPO_MOCK_EMPTY_RESULT: 'error' } })
  const { rate_limit, empty_result } = await mock.settings()
  assert.deepEqual({ rate_limit, empty_result }, { rate_limit: 3, empty_result: 'error' })
  await mock.stop()
  // The log is complete once the emulator has ended.
  assert.match(mock.log, /rate_limit(.*\n)*.*stopped/)
})

test('an invalid flag is an error of the emulator', async () => {
  await assert.rejects(YotpoMock.start({ flags: ['--rate-limt', '3'] }), {
    name: 'StartError',
    message: /^unexpected argument '--rate-limt' found\n\n {2}tip: a similar argument exists: '--rate-limit'/
  })
})

test('a port in use is an error of the emulator', async test => {
  const port = new URL(await serve(test, '')).port
  await assert.rejects(YotpoMock.start({ port }), {
    name: 'StartError',
    message: `cannot listen on \`127.0.0.1:${port}\`: address already in use\nhint: \`--port 0\` takes any free port and prints it`
  })
})

test('a binary that does not exist is named', async () => {
  const advice = 'is not an executable file: set it to the path of a yotpo-mock binary'
  await assert.rejects(YotpoMock.start({ binary: '/nowhere/yotpo-mock' }), {
    name: 'StartError',
    message: `\`/nowhere/yotpo-mock\` ${advice}`
  })
  await without('YOTPO_MOCK', async () => {
    for (const value of ['/nowhere/yotpo-mock', 'no-such-program', __dirname]) {
      process.env.YOTPO_MOCK = value
      await assert.rejects(YotpoMock.start(), { message: `\`${value}\`, the value of the variable YOTPO_MOCK, ${advice}` })
    }
  })
})

test('a missing package for the platform is named, with the command that adds it', async () => {
  await without('YOTPO_MOCK', () => {
    const resolve = () => {
      throw new Error('not found')
    }
    assert.throws(() => findBinary(undefined, { platform: 'linux', arch: 'x64', resolve }), {
      name: 'StartError',
      message:
        'the package @yotpo-mock/linux-x64 with the binary is not installed: optional packages were left out, or the lock file was ' +
        `made on another platform; \`npm install --include=optional @yotpo-mock/linux-x64@${version}\` adds it`
    })
    assert.throws(() => findBinary(undefined, { platform: 'plan9', arch: 'mips' }), {
      message:
        'there is no binary of yotpo-mock for plan9-mips: build one with cargo, and set the variable YOTPO_MOCK to its path'
    })
    assert.equal(findBinary(undefined, { platform: 'win32', arch: 'x64', resolve: name => name }), '@yotpo-mock/win32-x64/bin/yotpo-mock.exe')
  })
})

test('a binary that is another program is named', POSIX, async test => {
  const folder = folderOf(test)
  const binary = script(folder, '#!/bin/sh\necho hello; exit 3\n')
  await assert.rejects(YotpoMock.start({ binary }), error => error.message.startsWith(`\`${binary}\` did not start, but ended with `))
  script(folder, '#!/bin/sh\necho "not the emulator" >&2; exit 3\n')
  await assert.rejects(YotpoMock.start({ binary }), {
    message: `\`${binary}\` did not start, but ended with exit status 3; the end of its log:\nnot the emulator`
  })
  script(folder, '#!/nowhere/sh\n')
  await assert.rejects(YotpoMock.start({ binary }), { message: `cannot run \`${binary}\`: spawn ${binary} ENOENT` })
})

test('a binary that never gets ready is killed', POSIX, async test => {
  const binary = script(folderOf(test), '#!/bin/sh\nexec cat\n')
  await assert.rejects(YotpoMock.start({ binary, timeout: 100 }), { message: `\`${binary}\` printed no address within 0.1 s` })
})

test('an emulator that dies is reported', POSIX, async () => {
  const mock = await YotpoMock.start()
  process.kill(mock.pid, 'SIGKILL')
  await assert.rejects(mock.newStore(), {
    name: 'UnreachableError',
    // What it had not yet logged is lost.
    message: /^the emulator ended with signal SIGKILL/
  })
  await mock.stop()

  const other = await YotpoMock.start()
  process.kill(other.pid, 'SIGKILL')
  await assert.rejects(other.stop(), { name: 'YotpoMockError', message: /^the emulator ended with signal SIGKILL/ })
  await other.stop()
})

test('a stop that cannot save the state is an error', async test => {
  const folder = path.join(folderOf(test), 'folder')
  fs.mkdirSync(folder)
  const mock = await YotpoMock.start({ flags: ['--state', path.join(folder, 'state.json')] })
  fs.rmSync(folder, { recursive: true })
  await assert.rejects(mock.stop(), {
    name: 'YotpoMockError',
    message: /^the emulator ended with exit status 1; (.*\n)*error: cannot save the state/
  })
})

test('nothing at the URL is named', async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  await assert.rejects(YotpoMock.connect(url), {
    name: 'UnreachableError',
    message:
      `no emulator answers at \`${url}\` (ECONNREFUSED): run the tests with \`yotpo-mock exec\`, ` +
      'start one with `yotpo-mock`, or check the host and the port'
  })
})

test('a URL must be one of HTTP', async () => {
  for (const url of ['127.0.0.1:4600', 'ftp://127.0.0.1', '', 'http://']) {
    await assert.rejects(YotpoMock.connect(url), {
      message: `\`${url}\` is not the URL of an emulator, such as http://127.0.0.1:4600`
    })
  }
})

test('a server that is not the emulator is recognised', async test => {
  for (const body of ['<html>', '[]', '{}', 'null']) {
    const url = await serve(test, body)
    await assert.rejects(YotpoMock.connect(url), {
      message: `the server at \`${url}\` is not yotpo-mock: check the host and the port`
    })
  }
})

test('another version is refused', async test => {
  const url = await serve(test, JSON.stringify({ status: 'ready', version: '9.8.7', uptime_ms: 1 }))
  await assert.rejects(YotpoMock.connect(url), {
    name: 'VersionError',
    message:
      `the emulator at \`${url}\` has version 9.8.7, but this package has ${version}: ` +
      `\`npm install --save-dev yotpo-mock@9.8.7\`, or use an emulator of version ${version}`
  })
})

test('a killed parent leaves no process', POSIX, async () => {
  const program = `require(${JSON.stringify(PACKAGE)}).YotpoMock.start().then(mock => console.log(mock.url) ?? setInterval(() => {}, 1e6))`
  const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(parent.stdout, 'data')
  const connection = net.connect(new URL(String(line)).port, '127.0.0.1')
  await once(connection, 'connect')
  parent.kill('SIGKILL')
  // The end of the emulator ends its connections.
  connection.resume()
  await once(connection, 'close')
})

test('a program that forgets to stop the emulator ends all the same', () => {
  const program = `require(${JSON.stringify(PACKAGE)}).YotpoMock.start().then(mock => mock.health()).then(() => console.log('done'))`
  const { status, stdout } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
  assert.deepEqual({ status, stdout }, { status: 0, stdout: 'done\n' })
})

test('the command runs the binary', () => {
  const launcher = path.join(PACKAGE, 'bin', 'yotpo-mock.js')
  const run = (args, env = {}) => spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8', env: { ...process.env, ...env } })
  assert.match(run(['--version']).stdout, new RegExp(`^yotpo-mock ${version.replaceAll('.', '\\.')} `))
  assert.equal(run(['--no-such-flag']).status, 2)
  const missing = run([], { YOTPO_MOCK: '/nowhere' })
  assert.deepEqual([missing.status, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^error: `\/nowhere`, the value of the variable YOTPO_MOCK, is not an executable file/)
})

test('a signal to the command stops the emulator', POSIX, async () => {
  const launcher = spawn(process.execPath, [path.join(PACKAGE, 'bin', 'yotpo-mock.js'), '--port', '0', '--quiet'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  await once(launcher.stdout, 'data')
  launcher.kill('SIGTERM')
  const [code] = await once(launcher, 'exit')
  assert.equal(code, 0)
})
