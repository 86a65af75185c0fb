// Written by yotpo-mock, for Node before 22.21, whose fetch knows no proxy variable: a connection to the vendor leads to the mock.
// A connection that runs through a proxy already is left alone, so that a newer Node may load this, too.
'use strict';
const tls = require('node:tls');
const { syncBuiltinESMExports } = require('node:module');

const VENDOR = new Set(['api.yotpo.com', 'developers.yotpo.com']);
const MOCK = { host: $HOST, port: $PORT };
const connect = tls.connect;

tls.connect = function (...given) {
  // As (options), (port, options) or (port, host, options), with a callback at the end or none.
  const options = Object.assign({}, ...given.filter((part) => part !== null && typeof part === 'object'));
  if (typeof given[0] !== 'object') {
    options.port ??= given[0];
    if (typeof given[1] === 'string') options.host ??= given[1];
  }
  const host = String(options.host).toLowerCase();
  if (options.socket || options.path || Number(options.port) !== 443 || !VENDOR.has(host)) {
    return connect.apply(this, given);
  }
  const callback = given.filter((part) => typeof part === 'function');
  return connect.call(this, { ...options, servername: options.servername || host, ...MOCK }, ...callback);
};
syncBuiltinESMExports();
