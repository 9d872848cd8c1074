/** What is asked of an app. */

import type { AppName } from './app-contestants.ts';

export interface AppWorkload {
  readonly name: string;
  readonly app: AppName;
  readonly path: string;
  /** What the answer has in it, without which nothing is measured. */
  readonly expected: string;
  readonly connections: number;
  readonly fields?: readonly string[];
  /** wrk's, in bench/apps: POST instead of GET, and what is expected is posted once before. */
  readonly script?: string;
  /** s; compilers have had their say by then, also of what the row before did not ask for. */
  readonly warmUp: number;
  /** How many times as long as others it is measured. */
  readonly length?: number;
  /** How often in each round the contestants are measured one after another; once when it does not say. A turn counts as a round of its own. */
  readonly turns?: number;
}

/** Where ratios of a few percent decide. */
const IN_PROCESS = { app: 'hono', connections: 64, warmUp: 3, turns: 5 } as const;
const CLOSE = ['Connection: close'];
const HELLO = { path: '/', expected: 'Hello World' };

/** In the order in which each contestant gets them, by app. */
export const APP_WORKLOADS: readonly AppWorkload[] = [
  { name: 'Hono, text', ...IN_PROCESS, ...HELLO },
  { name: 'Hono, JSON', ...IN_PROCESS, path: '/json', expected: '"isNice":true' },
  { name: 'Hono, POST of 1 KB JSON', ...IN_PROCESS, path: '/echo', expected: '{"items":[1]}', script: 'post.lua' },
  { name: 'Hono, text, closing clients', ...IN_PROCESS, ...HELLO, fields: CLOSE },
  { name: 'WSGI hello, 16 connections', app: 'hello', ...HELLO, connections: 16, warmUp: 2 },
  { name: 'WSGI hello, 64 connections', app: 'hello', ...HELLO, connections: 64, warmUp: 0 },
  { name: 'WSGI hello, 16 closing clients', app: 'hello', ...HELLO, connections: 16, fields: CLOSE, warmUp: 2 },
  { name: 'Flask hello, 16 connections', app: 'flask', ...HELLO, connections: 16, warmUp: 2 },
  { name: 'Django page, 16 connections', app: 'django', path: '/', expected: 'Hello reader', connections: 16, warmUp: 1, length: 2 },
];
