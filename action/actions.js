// Inputs, outputs and commands of GitHub Actions.
'use strict'

const fs = require('node:fs')
const { randomUUID } = require('node:crypto')

function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()
}

/** Appends `name=value` to the file that the variable `file` names: GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV. */
function set(file, name, value) {
  // No value can contain a random delimiter.
  const delimiter = randomUUID()
  fs.appendFileSync(process.env[file], `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
}

function saved(name) {
  return process.env[`STATE_${name}`]
}

/** Prints an error that GitHub shows on the page of the run. */
function annotate(message) {
  const escaped = message.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  console.log(`::error title=yotpo-mock::${escaped}`)
}

/** Runs a step; an error fails it. */
async function run(step) {
  try {
    await step()
  } catch (error) {
    annotate(error.message)
    process.exitCode = 1
  }
}

module.exports = { annotate, input, run, saved, set }
