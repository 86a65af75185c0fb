// The process of an emulator that the client started.
'use strict'

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const readline = require('node:readline')
const { StartError, YotpoMockError } = require('./errors.js')

const READY = 'yotpo-mock listening on '
const KEPT_LOG_LINES = 200
const STOP_TIMEOUT_MS = 10_000
const END_TIMEOUT_MS = 1000

/** A running emulator, which ends at the latest when this process does: it watches its stdin. */
class EmulatorProcess {
  /** Starts an emulator, and resolves to it once it serves requests. */
  static async start(binary, flags, port, env, timeoutMs) {
    const started = new EmulatorProcess(binary, ['serve', '--port', String(port), '--until-stdin-closes', ...flags], env)
    started.url = await started.#readUrl(binary, timeoutMs)
    return started
  }

  #child
  #lines = []
  /** Resolves to the description of the end. */
  #end
  #isEndReported = false

  constructor(binary, args, env) {
    this.#child = spawn(binary, args, { stdio: 'pipe', env: { ...process.env, ...env }, windowsHide: true })
    // It must not keep a test run alive that has ended.
    this.#unref()
    // Nothing is written to stdin, which closes with the emulator.
    this.#child.stdin.on('error', () => {})
    readline.createInterface({ input: this.#child.stderr }).on('line', line => {
      this.#lines.push(line)
      if (this.#lines.length > KEPT_LOG_LINES) this.#lines.shift()
    })
    // Unlike `exit`, `close` comes after the last line.
    this.#end = new Promise(resolve => this.#child.on('close', (code, signal) => resolve({ code, signal })))
  }

  get pid() {
    return this.#child.pid
  }

  /** The last lines of the log. */
  get log() {
    return this.#lines.map(line => `${line}\n`).join('')
  }

  /** Stops the emulator cleanly, and waits for its end. */
  async stop() {
    if (this.#isEndReported) return
    this.#ref()
    this.#child.stdin.end()
    // A forked process may have inherited stdin. Where there are signals, this one is as clean.
    if (process.platform !== 'win32') this.#child.kill('SIGTERM')
    const end = await within(STOP_TIMEOUT_MS, this.#end)
    if (!end) {
      this.#child.kill('SIGKILL')
      throw new YotpoMockError(`the emulator did not stop within ${STOP_TIMEOUT_MS / 1000} s, and was killed`)
    }
    this.#isEndReported = true
    if (end.code !== 0) throw new YotpoMockError(this.#describe(end))
  }

  /** How the emulator ended; `undefined` if it is running. */
  async describeEnd() {
    this.#ref()
    // A closed connection can be seen before the end of the process.
    const end = await within(END_TIMEOUT_MS, this.#end)
    this.#unref()
    if (!end) return undefined
    this.#isEndReported = true
    return this.#describe(end)
  }

  async #readUrl(binary, timeoutMs) {
    this.#ref()
    const failed = once(this.#child, 'error').then(([error]) => {
      throw new StartError(`cannot run \`${binary}\`: ${error.message}`, { cause: error })
    })
    failed.catch(() => {})
    const firstLine = once(readline.createInterface({ input: this.#child.stdout }), 'line').then(([line]) => ({ line }))
    const result = await within(timeoutMs, Promise.race([failed, firstLine, this.#end]))
    if (result?.line?.startsWith(READY)) {
      this.#unref()
      return result.line.slice(READY.length).trim()
    }
    this.#child.kill('SIGKILL')
    const end = await this.#end
    if (!result) throw new StartError(`\`${binary}\` printed no address within ${timeoutMs / 1000} s${this.#quotedLog()}`)
    const reason = this.log.trim()
    if (reason.startsWith('error: ')) throw new StartError(reason.slice('error: '.length))
    throw new StartError(`\`${binary}\` did not start, but ended with ${describeStatus(end)}${this.#quotedLog()}`)
  }

  #describe(end) {
    return `the emulator ended with ${describeStatus(end)}${this.#quotedLog()}`
  }

  #quotedLog() {
    const log = this.log.trim()
    return log ? `; the end of its log:\n${log}` : ''
  }

  #ref() {
    this.#child.ref()
    for (const stream of this.#child.stdio) stream.ref()
  }

  #unref() {
    this.#child.unref()
    for (const stream of this.#child.stdio) stream.unref()
  }
}

function describeStatus({ code, signal }) {
  return signal ? `signal ${signal}` : `exit status ${code}`
}

/** The result of a promise, or `undefined` after this time. */
async function within(ms, promise) {
  let timer
  const timeout = new Promise(resolve => (timer = setTimeout(resolve, ms)))
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}

module.exports = { EmulatorProcess }
