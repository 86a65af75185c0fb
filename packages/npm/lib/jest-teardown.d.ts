/** The global teardown of Jest: stops the emulator. The run fails if there are problems of the kinds in `failOn`. */
declare function teardown(): Promise<void>
export = teardown
