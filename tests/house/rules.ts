/**
 * The rules of the house (docs/architecture.md), as functions of the source text: which room may know which,
 * who may say the name of a runtime, and that no module keeps state of its own.
 */

import { posix } from 'node:path';
import { codeOnly, importsOf, topLevelLines } from './source.ts';

/** Source text by path from the root: `src/http1/request-head.ts`, `mod.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** A rule gives one line for each breach, beginning with the file. */
export type Rule = (sources: Sources) => string[];

/** Plain data that even leaves may use: what can go wrong, by code. */
const WORDS = 'failure';
/** Rooms that everyone may use. They are leaves. */
const COMMON = ['net', 'time', 'files', 'log', 'metrics', 'builtin'];
/** Rooms that know not even those. */
const PURE = [...COMMON, 'http1', 'http2', 'encoding'];

/**
 * Which rooms each room may import, besides those that everyone may: the rooms that are there, and those to come. Nobody imports `main`, and
 * `main` imports whom it likes.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  [WORDS]: [],
  net: [],
  time: [],
  files: [],
  log: [],
  metrics: [],
  builtin: [],
  http1: [],
  encoding: [],
  http2: ['http1'],
  uwsgi: ['http1'],
  runtime: [],
  options: [],
  /** Certificates by name, and the interface of those that have some: subscription and acme make it. */
  tls: ['runtime'],
  acme: ['tls', 'runtime'],
  pool: ['http1'],
  router: ['http1', 'http2', 'encoding', 'uwsgi', 'pool', 'runtime'],
  upstream: ['http1', 'uwsgi', 'pool', 'router', 'runtime'],
  app: ['http1', 'pool', 'router', 'runtime'],
  /** A kind of handler, as the router declares it. */
  static: ['http1', 'encoding', 'router'],
  /** Nodes that announce themselves: a NodeSource of the pool's and a CertificateSource. */
  subscription: ['uwsgi', 'pool', 'tls', 'runtime'],
  trace: ['http1', 'runtime'],
  master: ['app', 'runtime'],
  /** Only main knows it; it asks for what it shows by interfaces of its own. */
  admin: ['http1', 'router', 'pool', 'app', 'master', 'runtime'],
};
const RUNTIME_MODULES = ['net', 'tls', 'http', 'https', 'http2', 'dgram', 'child_process', 'cluster'];

interface RoomImport {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** `src/<room>/…` → room; files outside of src have none. */
export function roomOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** Imports that cross from one room into another. */
function roomImports(sources: Sources): RoomImport[] {
  const crossings: RoomImport[] = [];
  for (const [file, text] of sources) {
    const from = roomOf(file);
    if (from === null) continue;
    for (const specifier of importsOf(text)) {
      if (!specifier.startsWith('.')) continue;
      const target = posix.join(posix.dirname(file), specifier);
      const to = roomOf(target) ?? target;
      if (to !== from) crossings.push({ file, from, to });
    }
  }
  return crossings;
}

export const roomsKnowWhomTheyMay: Rule = (sources) =>
  roomImports(sources)
    .filter(({ from, to }) => from !== 'main' && !mayKnow(from, to))
    .map(({ file, from, to }) => {
      const known = ARROWS[from];
      if (known === undefined) return `${file}: the room ${from} has no line in ARROWS (tests/house/rules.ts), which says whom it may know`;
      const allowed = PURE.includes(from) ? known : [...known, ...COMMON];
      return `${file}: ${from} imports ${allowed.length === 0 ? 'no other room' : `${allowed.join(', ')} only`}, and this imports ${to}`;
    });

function mayKnow(from: string, to: string): boolean {
  const known = ARROWS[from];
  if (known === undefined || from === WORDS) return false;
  return to === WORDS || known.includes(to) || (COMMON.includes(to) && !PURE.includes(from));
}

export const onlyMainKnowsAdmin: Rule = (sources) =>
  roomImports(sources)
    .filter(({ from, to }) => to === 'admin' && from !== 'main')
    .map(({ file }) => `${file}: only main imports admin`);

export const nobodyImportsMain: Rule = (sources) =>
  roomImports(sources)
    .filter(({ to }) => to === 'main' || to === 'mod.ts')
    .map(({ file, to }) => `${file}: ${to} is the wiring; no room imports it`);

export const onlyRuntimeNamesRuntimes: Rule = (sources) => {
  const breaches: string[] = [];
  for (const [file, text] of sources) {
    if (roomOf(file) === 'runtime') continue;
    const code = codeOnly(text);
    for (const [name] of code.matchAll(/(?<![\w$.])(?:globalThis\s*\??\.\s*)?(?:Bun|Deno)\s*(?:\?\.|\.|\[)/g)) {
      breaches.push(`${file}: only runtime says ${name.replace(/\s/g, '')}`);
    }
    for (const specifier of importsOf(text)) {
      const bare = specifier.replace(/^node:/, '').split('/')[0] ?? '';
      if (RUNTIME_MODULES.includes(bare) || specifier === 'bun' || specifier.startsWith('bun:'))
        breaches.push(`${file}: only runtime imports ${specifier}`);
    }
  }
  return breaches;
};

export const noCirclesBetweenRooms: Rule = (sources) =>
  circlesAmong(roomImports(sources)).map((circle) => `${circle.join(' → ')}: rooms import each other in a circle`);

/** Rooms whose files may know each other: a head and its rules, a service and what is made by it. */
const KNIT = ['http1', 'router'];

/** Interfaces lie apart from those who make them. */
export const noCirclesBetweenFiles: Rule = (sources) => {
  const imports: { from: string; to: string }[] = [];
  for (const [file, text] of sources) {
    const room = roomOf(file);
    if (room === null || KNIT.includes(room)) continue;
    for (const specifier of importsOf(text)) {
      const to = posix.join(posix.dirname(file), specifier);
      if (specifier.startsWith('.') && roomOf(to) === room) imports.push({ from: file, to });
    }
  }
  return circlesAmong(imports).map((circle) => `${circle.join(' → ')}: files import each other in a circle`);
};

/** Each circle once, its first also last. */
function circlesAmong(imports: readonly { readonly from: string; readonly to: string }[]): string[][] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) edges.set(from, (edges.get(from) ?? new Set()).add(to));
  const circles = new Map<string, string[]>();
  const done = new Set<string>();
  const walk = (one: string, path: readonly string[]): void => {
    const seen = path.indexOf(one);
    if (seen >= 0) {
      const circle = path.slice(seen);
      circles.set([...circle].sort().join(), [...circle, one]);
      return;
    }
    if (done.has(one)) return;
    for (const next of edges.get(one) ?? []) walk(next, [...path, one]);
    done.add(one);
  };
  for (const one of edges.keys()) walk(one, []);
  return [...circles.values()];
}

/**
 * `let` and `var` outside of functions, and collections that are not said to be read-only. What an object or a typed
 * array holds cannot be seen from here; reviewers look at those.
 */
export const noModuleState: Rule = (sources) => {
  const breaches: string[] = [];
  for (const [file, text] of sources) {
    for (const [number, line] of topLevelLines(text)) {
      const say = (what: string): void => void breaches.push(`${file}:${number}: ${what}: no module keeps mutable state`);
      if (/^(?:export\s+)?(?:let|var)\b/.test(line)) say('top-level let');
      const constant = /^(?:export\s+)?const\s+([\w$]+)\s*(:[^=]*)?=\s*(.*)$/.exec(line);
      if (constant === null) continue;
      const [, name, type = '', value = ''] = constant;
      const readonly = /\b[Rr]eadonly/.test(type);
      if (/^new (?:Map|Set|WeakMap|WeakSet|Array)\b/.test(value) && !readonly) say(`${name} is a collection without a Readonly type`);
      if (value.startsWith('[') && !readonly && !declaredAsConst(text, number)) say(`${name} is an array without a readonly type`);
    }
  }
  return breaches;
};

/** The statement that begins on this line ends with `as const`. */
function declaredAsConst(text: string, line: number): boolean {
  const rest = codeOnly(text)
    .split('\n')
    .slice(line - 1)
    .join('\n');
  let depth = 0;
  for (let at = rest.indexOf('['); at < rest.length; at += 1) {
    if (rest[at] === '[') depth += 1;
    if (rest[at] === ']') depth -= 1;
    if (depth === 0) return /^\s*as const\b/.test(rest.slice(at + 1));
  }
  return false;
}

export const entryIsShort: Rule = (sources) => {
  const lines = (sources.get('mod.ts') ?? '').trimEnd().split('\n').length;
  return lines < 50 ? [] : [`mod.ts: ${lines} lines; it stays under 50`];
};

/** The runner cannot see a `t.skip()` on Deno, nor its reason on Bun: tests skip by option, through `peerTest`. */
export const testsSkipByOption: Rule = (sources) => {
  const breaches: string[] = [];
  for (const [file, text] of sources) {
    if (file.endsWith('.test.ts') && /\bt\.(skip|todo)\s*\(/.test(codeOnly(text)))
      breaches.push(`${file}: t.skip() is invisible on Deno; use { skip }`);
  }
  return breaches;
};
