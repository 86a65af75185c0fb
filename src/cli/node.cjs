// Written by yotpo-mock for Node before 22.21, whose fetch ignores proxy variables: connects TLS for Yotpo's hosts to the mock.
// A connection that already uses a proxy has a socket and is left alone, so newer versions of Node can load this, too.
'use strict';
const tls = require('node:tls');
const { syncBuiltinESMExports } = require('node:module');

const YOTPO_HOSTS = new Set(['api.yotpo.com', 'developers.yotpo.com']);
const MOCK = { host: $HOST, port: $PORT };
const connect = tls.connect;

tls.connect = function (...args) {
  // Called as (options), (port, options) or (port, host, options), each with an optional callback.
  const options = Object.assign({}, ...args.filter((part) => part !== null && typeof part === 'object'));
  if (typeof args[0] !== 'object') {
    options.port ??= args[0];
    if (typeof args[1] === 'string') options.host ??= args[1];
  }
  const host = String(options.host).toLowerCase();
  if (options.socket || options.path || Number(options.port) !== 443 || !YOTPO_HOSTS.has(host)) {
    return connect.apply(this, args);
  }
  const callback = args.filter((part) => typeof part === 'function');
  return connect.call(this, { ...options, servername: options.servername || host, ...MOCK }, ...callback);
};
syncBuiltinESMExports();
