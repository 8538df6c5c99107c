#!/usr/bin/env node
// The command: gives libuv its threads, then runs main.ts. Must do nothing else.
//
// DuckDB holds one of libuv's threads for each running query, and Node has four of them unless told
// before their first use. Loading an ES module is such a use, hence this file of the older kind.

process.env['UV_THREADPOOL_SIZE'] ??= '24'
void import('./main.ts')
