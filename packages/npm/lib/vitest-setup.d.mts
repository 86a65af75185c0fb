import type { TestProject } from 'vitest/node'
import type { StartOptions } from './index.js'

type GlobalSetup = (project: TestProject) => Promise<() => Promise<void>>

/** A global set-up with options. The run fails if there are problems of the kinds in `failOn`, such as `unmatched`. */
export function globalSetup(options?: StartOptions & { failOn?: readonly string[] }): GlobalSetup

/** The global set-up of Vitest: starts one emulator for the run. */
declare const setup: GlobalSetup
export default setup
