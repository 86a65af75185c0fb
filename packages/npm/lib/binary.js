// Finds the binary of the emulator.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { StartError } = require('./errors.js')
const manifest = require('../package.json')

/** The path of `binary`, or of the one that `YOTPO_MOCK` names, or of the one in the package for this platform. */
function findBinary(binary, { platform = process.platform, arch = process.arch, resolve = require.resolve } = {}) {
  const chosen = binary ?? process.env.YOTPO_MOCK
  if (chosen) {
    const found = findExecutable(chosen)
    if (found) return found
    const source = binary == null ? ', the value of the variable YOTPO_MOCK,' : ''
    throw new StartError(`\`${chosen}\`${source} is not an executable file: set it to the path of a yotpo-mock binary`)
  }
  const name = `@yotpo-mock/${platform}-${arch}`
  if (!(name in manifest.optionalDependencies)) {
    throw new StartError(
      `there is no binary of yotpo-mock for ${platform}-${arch}: build one with cargo, and set the variable YOTPO_MOCK to its path`
    )
  }
  try {
    return resolve(`${name}/bin/yotpo-mock${platform === 'win32' ? '.exe' : ''}`)
  } catch {
    throw new StartError(
      `the package ${name} with the binary is not installed: optional packages were left out, or the lock file was made on ` +
        `another platform; \`npm install --include=optional ${name}@${manifest.version}\` adds it`
    )
  }
}

/** An executable by its path, or by its name on the PATH. */
function findExecutable(name) {
  const folders = /[\\/]/.test(name) ? [''] : (process.env.PATH ?? '').split(path.delimiter)
  return folders.map(folder => path.resolve(folder, name)).find(isExecutable)
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK)
    return fs.statSync(file).isFile()
  } catch {
    return false
  }
}

module.exports = { findBinary }
