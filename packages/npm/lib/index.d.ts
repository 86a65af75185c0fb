// The types of the client, and of the JSON of the control API, which `openapi/control.yaml` of the emulator describes in full.

declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol
  }
}

// Only what is marked is exported.
export {}

export type JsonObject = Record<string, unknown>

export type Operation = 'createAccessToken' | 'createOauthToken' | 'retrieveCustomers' | 'upsertCustomer' | 'upsertCustomerEvent'

export interface Health {
  status: 'ready'
  version: string
  uptime_ms: number
}

export interface Clock {
  /** RFC 3339. */
  now: string
  frozen: boolean
  /** How far the time of the store is ahead of the shared clock. */
  offset_ms: number
}

export interface Settings {
  /** Requests per second and store; 0 means no limit. */
  rate_limit: number
  /** The time until an accepted write is visible to reads. */
  visibility_delay_ms: number
  /** The response to a search without results. */
  empty_result: 'ok' | 'error'
  validation: 'strict' | 'lenient'
  enforce_deprecations: boolean
  issued_tokens_only: boolean
  /** The limit for a request body of the emulated API, in bytes. */
  body_limit: number
}

/** Changed settings; `null` restores the value of the start or, for a store, that of all stores. */
export type SettingsPatch = { [Name in keyof Settings]?: Settings[Name] | null }

/** Objects match by subset, arrays and scalars exactly, and `null` means absent. */
export type ExpectedTexts = Record<string, string | string[] | null>

/** The requests that a fault applies to; what is left out matches anything. */
export interface FaultMatch {
  operation?: Operation | null
  store?: string | null
  method?: string | null
  path?: string | null
  query?: ExpectedTexts | null
  headers?: ExpectedTexts | null
  body?: unknown
}

/** A fault: the requests that it applies to, and its effect. */
export interface FaultSpec {
  match?: FaultMatch | null
  /** The number of matching requests to skip first. */
  after?: number
  /** The number of requests that it applies to; without it, all. */
  times?: number
  probability?: number
  /** The seed of the random numbers, by default 0. */
  seed?: number
  status?: number
  /** A string is sent unchanged, any other value as JSON. By default it is Yotpo's error envelope. */
  body?: unknown
  headers?: Record<string, string | number>
  content_type?: string
  malformed_json?: boolean
  /** In real time. */
  delay_ms?: number | { min: number; max: number; seed?: number }
  truncate_bytes?: number
  drip_bytes_per_second?: number
  expire_token?: boolean
  connection?: 'close' | 'reset'
  /** Processes the request first, so that only the response is lost, changed or late. */
  after_commit?: boolean
}

/** A fault with its counts. */
export interface FaultState extends FaultSpec {
  id: number
  matched: number
  hits: number
  used_up: boolean
}

/** Filters of the request journal, all exact. */
export interface RequestFilter {
  operation?: Operation
  method?: string
  path?: string
  status?: number
  rule?: string
  note?: string
  after?: number
  before?: number
}

/** The requests to count, and the expected number: `count`, or `at_least`, `at_most` or both. */
export interface Expectation {
  operation?: Operation | null
  method?: string
  path?: string
  status?: number
  rule?: string | null
  note?: string | null
  query?: ExpectedTexts
  headers?: ExpectedTexts
  body?: unknown
  /** Only requests with a greater number count. */
  after?: number
  count?: number
  at_least?: number
  at_most?: number
}

export interface JournalEntry {
  number: number
  at: string
  store: string | null
  operation: Operation | null
  method: string
  path: string
  /** 0 if a fault prevented a response. */
  status: number
  fault: number | null
  rules: string[]
  notes: { id: string; fields: string[] }[]
  duration_us: number
  /** Tokens and secrets are redacted. */
  request: {
    query: Record<string, string | string[]>
    headers: Record<string, string | string[]>
    /** JSON as received, anything else as text; `null` without a body. */
    body: unknown
    body_bytes: number | null
    body_cut: boolean
  }
  response: {
    headers: Record<string, string | string[]>
    body: unknown
    body_bytes: number | null
    body_cut: boolean
  }
}

export interface Report {
  requests: number
  calls: { [Name in Operation]?: Record<string, number> }
  never_called: Operation[]
  unmatched: { method: string; path: string; status: number; count: number }[]
  unmatched_more: number
  rejections: Record<string, number>
  notes: Record<string, { grade: 'assumed' | 'deprecated' | 'tolerated' | 'coerced'; count: number; fields: string[] }>
  server_errors: number
  malformed_requests: number
  injected: number
  not_by_store: number
  /** With `failOn`, the problems that it found, each in a line for a person. */
  problems?: string[]
}

export interface Identifiers {
  external_id: string | null
  email: string | null
  phone_number: string | null
}

export interface MergedCustomer {
  number: number
  identifiers: Identifiers
}

export interface LineageStep {
  request: number
  at: string
  step: 'created' | 'updated' | 'adopted' | 'merged'
  rule: string
  fields: string[]
  identifiers?: Identifiers
  merged?: MergedCustomer
}

/** The effect that a write would have, or the rules that it breaks. */
export interface Explanation {
  accepted: boolean
  would?: 'created' | 'updated' | 'adopted'
  rule?: string
  number?: number
  merged?: MergedCustomer[]
  customer?: JsonObject
  matches?: MergedCustomer[]
  broken: { rule: string; path: string; message: string; evidence: 'documented' | 'observed' | 'assumed' }[]
  notes: { id: string; message: string; fields: string[] }[]
}

/** A customer as the control API lists it. */
export interface Customer extends Identifiers {
  /** The position in the order of creation. */
  number: number
  custom_properties: JsonObject
  [field: string]: unknown
}

export interface CustomerEvent {
  number: number
  unique_id: string
  type: string
  source: string | null
  timestamp: string
  customer: Identifiers
  properties: JsonObject
}

/** An accepted write that is not visible yet. */
export interface PendingWrite {
  request: number
  applies_at: string
  body: JsonObject
}

export interface StoreSummary {
  id: string
  has_secret: boolean
  customers: number
  events: number
  pending: number
}

export interface SeedCounts {
  created: number
  replaced: number
}

export interface SeededStore {
  id: string
  customers: SeedCounts
  events: SeedCounts
}

/** Customers and events as a seed has them, that is, with the fields of Yotpo's API. */
export interface Content {
  customers?: readonly object[]
  events?: readonly object[]
}

/** A number of seconds, or the sum of these units. */
export type Duration = number | { days?: number; hours?: number; minutes?: number; seconds?: number; milliseconds?: number }

export interface StartOptions {
  /** Flags as `yotpo-mock serve --help` lists them. */
  flags?: readonly string[]
  /** The port; 0, the default, takes any free one. */
  port?: number
  /** The path of the binary; by default the variable `YOTPO_MOCK`, or the package for this platform. */
  binary?: string
  /** Further variables for the emulator. */
  env?: Record<string, string>
  /** A token without which the control API rejects requests. */
  controlToken?: string
  /** The time for the start, in milliseconds; by default 30 s. */
  timeout?: number
}

export interface ConnectOptions {
  /** The token of `--control-token`, if there is one. */
  controlToken?: string
  /** The path of the binary for `environment()`, as for `start`. */
  binary?: string
}

/** What a test can do with one store as well as with the whole emulator. */
declare abstract class Scope {
  protected constructor()
  /** The URL of the emulator, which replaces `https://api.yotpo.com`. */
  get url(): string
  /** Injects a fault: `fault({ match: { operation: 'upsertCustomer' }, times: 2, status: 503 })`. */
  fault(fault: FaultSpec): Promise<Fault>
  /** The faults, oldest first; of a store, those that match this store and no other. */
  faults(): Promise<Fault[]>
  /** Removes these faults, and resolves to their number. */
  clearFaults(): Promise<number>
  /** The requests in the journal, oldest first. */
  requests(filter?: RequestFilter): Promise<JournalEntry[]>
  /**
   * Counts the matching requests, and resolves to their number. Exactly one is expected, unless there is a `count`, `at_least` or
   * `at_most`. Objects match by subset, arrays and scalars exactly, and `null` means absent.
   *
   * @throws {VerificationError} if the number is not as expected. The message shows how the nearest requests differ.
   */
  verify(expectation?: Expectation): Promise<number>
  /** Clears the journal. Numbering continues, and the report is unchanged. */
  clearRequests(): Promise<void>
  /**
   * The counts of all requests, regardless of the size of the journal. With `failOn`, `problems` lists what
   * `yotpo-mock exec --fail-on` would find: `no-requests`, `unmatched`, `server-error`, `note`, `note:assumed` or the note with an
   * id, such as `note:query.unknown_parameter`.
   */
  report(options?: { failOn?: string | readonly string[] }): Promise<Report>
  /** Clears the report. */
  clearReport(): Promise<void>
  /** The current settings. */
  settings(): Promise<Settings>
  /** Changes settings, and resolves to all. */
  changeSettings(settings: SettingsPatch): Promise<Settings>
  /** The current time. */
  clock(): Promise<Clock>
  /** Advances the time: tokens and rate limits expire, delayed writes become visible. */
  advance(by: Duration): Promise<Clock>
  /** Sets the time, which cannot go back. A text is RFC 3339. */
  setTime(now: string | Date): Promise<Clock>
  /** Makes all accepted writes visible, and resolves to their number. */
  settle(): Promise<number>
  /** Restores the state of the start: the `seed`, or with `empty` nothing but the declared stores. Removes faults. */
  reset(to?: 'seed' | 'empty'): Promise<void>
  /** The state, as `replaceState` and `--state` accept it. It contains secrets. */
  state(): Promise<JsonObject>
  /** Replaces the state, including the time, by one that `state` returned, or by a seed. */
  replaceState(state: object): Promise<void>
}

/** An emulator of Yotpo's Customers API, which this process started or is connected to. */
export class YotpoMock extends Scope {
  private constructor()
  /**
   * Starts an emulator, and resolves to it once it serves requests. It ends with this process at the latest.
   *
   * @throws {StartError} if it cannot be started.
   * @throws {VersionError} if the binary has another version than this package.
   */
  static start(options?: StartOptions): Promise<YotpoMock>
  /**
   * Connects to a running emulator: by default the one of `yotpo-mock exec` (`YOTPO_API_URL`), otherwise the one at
   * `http://127.0.0.1:4600`. `stop` leaves it running.
   *
   * @throws {UnreachableError} if there is no emulator at the URL.
   * @throws {VersionError} if it has another version than this package.
   */
  static connect(url?: string, options?: ConnectOptions): Promise<YotpoMock>
  /** The last lines of the emulator's log, if this object started it. */
  get log(): string
  /** The id of the emulator's process, if this object started it. */
  get pid(): number | undefined
  /**
   * Stops the emulator, if this object started it.
   *
   * @throws {YotpoMockError} if it ended with an error, as when `--state` could not be written.
   */
  stop(): Promise<void>
  /** `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  /** The emulator's version, and how long it has been running. */
  health(): Promise<Health>
  /** A store by its id, which need not exist yet. */
  store(id: string, secret?: string): Store
  /** Creates a store for one test, with a random id that begins with `name`, and a random secret. */
  newStore(options?: Content & { settings?: SettingsPatch; name?: string }): Promise<Store>
  /** All stores, ordered by id. */
  stores(): Promise<StoreSummary[]>
  /** Adds a seed to the current state: a document, or its text in JSON or NDJSON. */
  seed(seed: object | string): Promise<SeededStore[]>
  /** Saves the state to the file of `--state`. */
  saveState(): Promise<{ file: string; bytes: number }>
  /** Keeps the whole state in the emulator's memory. There can be 16 snapshots; a name replaces its earlier one. */
  snapshot(name?: string): Promise<Snapshot>
  /** A snapshot by its name. */
  findSnapshot(name: string): Promise<Snapshot>
  /** The snapshots, ordered by name. */
  snapshots(): Promise<Snapshot[]>
  /** Stops the clock of all stores, at the current time or at a later one. `advance` still works. */
  freeze(now?: string | Date): Promise<Clock>
  /** Lets the clock run again. */
  unfreeze(): Promise<Clock>
  /** A fault by the number in the header `X-Yotpo-Mock-Fault`. */
  findFault(id: number): Promise<Fault>
  /** A request of the journal by the number in the header `X-Yotpo-Mock-Request`. */
  request(number: number): Promise<JournalEntry>
  /** The OpenAPI document of the emulated API. */
  openapi(): Promise<JsonObject>
  /** The OpenAPI document of the control API. */
  controlOpenapi(): Promise<JsonObject>
  /** The certificate that TLS clients must trust, in PEM. */
  caCertificate(): Promise<string>
  /**
   * The variables that route clients of `https://api.yotpo.com` here: those of `yotpo-mock env --format json`. `store` is that of
   * `YOTPO_STORE_ID`, by default the first one; `directory` is the folder for certificates, by default one in the user's cache.
   */
  environment(options?: { store?: Store; directory?: string }): Promise<Record<string, string>>
}

/** One store, with its own customers, events, tokens, settings, faults and time. */
export class Store extends Scope {
  private constructor()
  /** The `store_id` of the paths of Yotpo's API. */
  readonly id: string
  /** The secret that gets access tokens. If the store has none, any text does. */
  readonly secret: string
  /** The URL before `/customers` and the other paths of this store. */
  get apiUrl(): string
  /** A token for the header `X-Yotpo-Token`, valid for 14 days. It is requested as a client would: the journal has it. */
  accessToken(): Promise<string>
  /** The visible customers in the order of creation, complete. Several identifiers narrow each other. */
  customers(filter?: { email?: string; phoneNumber?: string; externalId?: string }): Promise<Customer[]>
  /** The visible events in the order of arrival. `customer` is an external id, an e-mail address or a phone number. */
  events(filter?: { type?: string; uniqueId?: string; customer?: string }): Promise<CustomerEvent[]>
  /** The accepted writes that are not visible yet, in the order of acceptance. */
  pending(): Promise<PendingWrite[]>
  /** Adds customers and events. A customer replaces the one with the same `external_id`. */
  seed(content: Content): Promise<SeededStore>
  /** Adds plausible customers and events, the same ones for the same seed. */
  generate(options: { customers?: number; events?: number; seed?: number }): Promise<{
    customers: number
    events: number
    seed: number
  }>
  /** The effect that a write with this body would have, such as `{ customer: {…} }` or `{ customer_event: {…} }`. */
  explain(body: object): Promise<Explanation>
  /** The last 32 steps in the history of a customer, oldest first, by the `number` in `customers()`. */
  lineage(number: number): Promise<LineageStep[]>
  /** Keeps the state of this store, to restore it later. */
  snapshot(): Promise<StoreSnapshot>
}

/** An injected fault. Its counts are those of the moment. */
export class Fault {
  private constructor()
  /** The number that the header `X-Yotpo-Mock-Fault` of a response has. */
  readonly id: number
  /** The number of requests that it applied to. */
  hits(): Promise<number>
  /** The number of matching requests. */
  matched(): Promise<number>
  /** Whether it has applied to as many requests as it may. */
  isUsedUp(): Promise<boolean>
  /** Removes it. */
  remove(): Promise<void>
  /** The fault as the control API shows it. */
  toJson(): Promise<FaultState>
}

/** The state of a store at some time. */
export class StoreSnapshot {
  private constructor()
  /** The state as JSON. */
  readonly state: JsonObject
  /** Restores the state, including the time, which may go back. */
  restore(): Promise<void>
}

/** A snapshot of the whole state in the emulator's memory. */
export class Snapshot {
  private constructor()
  readonly name: string
  /** RFC 3339, by the shared clock. */
  readonly takenAt: string
  /** The number of stores. */
  readonly stores: number
  /** The number of customers. */
  readonly customers: number
  /** The number of events. */
  readonly events: number
  /** Restores the state, including the time, which may go back. The journal stays. */
  restore(): Promise<void>
  /** Deletes it. */
  delete(): Promise<void>
}

/** An error of the client or of the emulator, and the base of the others. */
export class YotpoMockError extends Error {}

/** The emulator could not be started. */
export class StartError extends YotpoMockError {}

/** There is no emulator at the URL, or it has ended. */
export class UnreachableError extends YotpoMockError {}

/** The emulator has a version that this client does not know. */
export class VersionError extends YotpoMockError {}

/** The emulator rejected a request. */
export class ControlError extends YotpoMockError {
  /** The HTTP status. */
  readonly status: number
  /** What is wrong. */
  readonly error: string
  /** What to do about it. */
  readonly hint: string
}

/** `verify` found another number of requests than expected. The message lists the nearest ones, and how they differ. */
export class VerificationError extends Error {}
