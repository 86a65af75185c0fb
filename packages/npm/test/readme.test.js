// The README of the package: its table has each operation of the control API and each method. `check` runs its examples.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { Fault, Snapshot, Store, StoreSnapshot, YotpoMock } = require('../lib/index.js')
const manifest = require('../package.json')

const PACKAGE = path.dirname(__dirname)
const CRATE = path.join(PACKAGE, '..', '..')
const CONTROL = JSON.parse(fs.readFileSync(path.join(CRATE, 'openapi', 'control.json'), 'utf8'))
const README = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8')
const TYPES = fs.readFileSync(path.join(PACKAGE, 'lib', 'index.d.ts'), 'utf8')

// Public names that are not requests to the control API.
const OTHER_NAMES = new Set(['accessToken', 'apiUrl', 'control', 'environment', 'log', 'pid', 'setClock', 'stop', 'store', 'url'])

/** The methods for each request. */
function table() {
  const [, rows] = README.match(/<!-- control API -->\n([^]*?)<!-- end of control API -->/)
  const cells = [...rows.matchAll(/^\| (`.*`) \| `(.*)` \|$/gm)]
  return new Map(cells.map(([, methods, request]) => [request, [...methods.matchAll(/`([^`]+)\(\)`/g)].map(([, method]) => method)]))
}

/** The names of a class and of those that it extends. */
function namesOf(type) {
  const names = []
  for (let prototype = type.prototype; prototype !== Object.prototype; prototype = Object.getPrototypeOf(prototype)) {
    names.push(...Object.getOwnPropertyNames(prototype))
  }
  return new Set(names.filter(name => name !== 'constructor'))
}

test('the table has each operation', () => {
  const isMethod = name => ['get', 'put', 'post', 'patch', 'delete'].includes(name)
  const operations = Object.entries(CONTROL.paths).flatMap(([path, methods]) =>
    Object.keys(methods).filter(isMethod).map(method => `${method.toUpperCase()} ${path}`)
  )
  assert.deepEqual([...table().keys()].sort(), operations.sort())
})

for (const [variable, type] of Object.entries({ mock: YotpoMock, store: Store, fault: Fault, snapshot: Snapshot, storeSnapshot: StoreSnapshot })) {
  test(`the table has each method of \`${variable}\``, () => {
    const named = [...table().values()].flat().filter(method => method.split('.')[0] === variable)
    const listed = new Set(named.map(method => method.split('.')[1]))
    const known = namesOf(type)
    assert.deepEqual([...listed].filter(name => !known.has(name)), [])
    assert.deepEqual([...known].filter(name => !listed.has(name) && !OTHER_NAMES.has(name)), [])
  })

  test(`the types have each method of \`${variable}\``, () => {
    for (const name of namesOf(type)) {
      if (name !== 'control' && name !== 'setClock') assert.match(TYPES, new RegExp(`^  (get )?${name}\\(`, 'm'), name)
    }
  })
}

test('the version is that of the emulator', () => {
  const [, version] = fs.readFileSync(path.join(CRATE, 'Cargo.toml'), 'utf8').match(/^version = "(.+)"$/m)
  assert.deepEqual(new Set([manifest.version, ...Object.values(manifest.optionalDependencies)]), new Set([version]))
})
