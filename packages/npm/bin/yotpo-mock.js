#!/usr/bin/env node
// Runs the binary of the emulator with the same arguments.
'use strict'

const { spawn } = require('node:child_process')
const os = require('node:os')
const { findBinary } = require('../lib/binary.js')

function main() {
  let binary
  try {
    binary = findBinary()
  } catch (error) {
    console.error(`error: ${error.message}`)
    process.exit(1)
  }
  const child = spawn(binary, process.argv.slice(2), { stdio: 'inherit' })
  // The binary ends at these signals, and this process with it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', error => {
    console.error(`error: cannot run \`${binary}\`: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => process.exit(code ?? 128 + os.constants.signals[signal]))
}

main()
