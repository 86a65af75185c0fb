/** The global set-up of Jest: starts one emulator for the run. */
declare function setup(globalConfig: object, projectConfig: object): Promise<void>
export = setup
