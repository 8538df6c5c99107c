// How every answer of the HTTP server goes out: with its length, never cached, and with what keeps a
// browser from running or showing anything that isn't this server's own.

import type { ServerResponse } from 'node:http'

const SECURITY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer'
} as const

export function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer
): void {
  response.writeHead(status, {
    ...SECURITY,
    'content-type': type.includes('charset') ? type : `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store'
  })
  response.end(body)
}

export function sendJson(response: ServerResponse, status: number, value: object): void {
  send(response, status, 'application/json', `${JSON.stringify(value)}\n`)
}

export function refuse(response: ServerResponse, status: number, reason: string): void {
  send(response, status, 'text/plain', `${reason}\n`)
}
