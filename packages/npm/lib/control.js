// Requests to the control API of an emulator.
'use strict'

const http = require('node:http')
const https = require('node:https')
const { urlToHttpOptions } = require('node:url')
const { ControlError, UnreachableError } = require('./errors.js')

const REQUEST_TIMEOUT_MS = 60_000

/** A connection to the emulator. It uses no proxy of the environment. */
class Control {
  #address
  #agent
  #module
  #describeEnd

  constructor(url, token, describeEnd = async () => undefined) {
    const address = parseUrl(url)
    if (!address || !['http:', 'https:'].includes(address.protocol)) {
      throw new UnreachableError(`\`${url}\` is not the URL of an emulator, such as http://127.0.0.1:4600`)
    }
    this.url = url.replace(/\/+$/, '')
    this.token = token ?? process.env.YOTPO_MOCK_CONTROL_TOKEN
    this.#address = urlToHttpOptions(address)
    this.#module = address.protocol === 'https:' ? https : http
    this.#agent = new this.#module.Agent({ keepAlive: true })
    this.#describeEnd = describeEnd
  }

  /** Sends a request with a JSON body, unless it is undefined, and resolves to the JSON of the response. */
  async call(method, path, { query, body } = {}) {
    const content = body === undefined ? undefined : JSON.stringify(body)
    return this.parse(await this.send(method, `/_mock${path}`, { query, content }))
  }

  /** The JSON of a response. A warning in it becomes one of Node. */
  parse({ status, body }) {
    if (status >= 400) throw errorOf(status, body)
    let result
    try {
      result = JSON.parse(body)
    } catch {
      throw notAnEmulator(this.url)
    }
    if (result?.warning) {
      process.emitWarning(result.warning, 'YotpoMockWarning')
      delete result.warning
    }
    return result
  }

  /** Sends a request, and resolves to the status and the body of the response. */
  async send(method, path, { query = {}, content, contentType = 'application/json' } = {}) {
    const known = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
    const parameters = new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString()
    const target = parameters ? `${path}?${parameters}` : path
    const headers = {}
    if (content !== undefined) {
      headers['Content-Type'] = contentType
      headers['Content-Length'] = Buffer.byteLength(content)
    }
    if (this.token) headers.Authorization = `Bearer ${this.token}`
    try {
      return await this.#exchange(method, target, headers, content)
    } catch (error) {
      throw new UnreachableError(await this.#describe(error), { cause: error })
    }
  }

  close() {
    this.#agent.destroy()
  }

  #exchange(method, target, headers, content) {
    return new Promise((resolve, reject) => {
      // Not the text of a URL, which would be normalized.
      const options = { ...this.#address, path: target, method, headers, agent: this.#agent, timeout: REQUEST_TIMEOUT_MS }
      const request = this.#module.request(options, response => {
        const chunks = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }))
      })
      request.on('timeout', () => request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS / 1000} s`)))
      request.on('error', error => {
        // The server closed a connection that was idle.
        const isStale = request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code)
        if (isStale) this.#exchange(method, target, headers, content).then(resolve, reject)
        else reject(error)
      })
      request.end(content)
    })
  }

  async #describe(error) {
    const end = await this.#describeEnd()
    if (end) return end
    const reason = error.code ?? error.message
    return (
      `no emulator answers at \`${this.url}\` (${reason}): run the tests with \`yotpo-mock exec\`, ` +
      'start one with `yotpo-mock`, or check the host and the port'
    )
  }
}

function parseUrl(url) {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

function notAnEmulator(url) {
  return new UnreachableError(`the server at \`${url}\` is not yotpo-mock: check the host and the port`)
}

function errorOf(status, body, otherHint = '') {
  try {
    const { error, hint } = JSON.parse(body)
    if (typeof error === 'string') return new ControlError(status, error, hint)
  } catch {
    // Not the emulator's own error.
  }
  return new ControlError(status, `the response has the status ${status} and this body: ${body.slice(0, 500)}`, otherHint)
}

module.exports = { Control, errorOf, notAnEmulator }
