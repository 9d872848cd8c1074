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
const LEAVES = [WORDS, 'http1', 'encoding', 'net', 'time', 'log', 'metrics', 'builtin'];
/** Rooms that everyone may use. */
const COMMON = [WORDS, 'net', 'time', 'log', 'metrics', 'builtin'];
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

export const leavesImportNoRoom: Rule = (sources) =>
  roomImports(sources)
    .filter(({ from, to }) => LEAVES.includes(from) && to !== WORDS)
    .map(({ file, from, to }) => `${file}: ${from} imports no other room but ${WORDS}, and this imports ${to}`);

export const uwsgiImportsHttp1Only: Rule = (sources) =>
  roomImports(sources)
    .filter(({ from, to }) => from === 'uwsgi' && to !== 'http1' && !COMMON.includes(to))
    .map(({ file, to }) => `${file}: uwsgi imports http1 only (and ${COMMON.join(', ')}), and this imports ${to}`);

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

export const noCirclesBetweenRooms: Rule = (sources) => {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of roomImports(sources)) edges.set(from, (edges.get(from) ?? new Set()).add(to));
  const circles = new Map<string, string>();
  const walk = (room: string, path: readonly string[]): void => {
    const seen = path.indexOf(room);
    if (seen >= 0) {
      const circle = path.slice(seen);
      circles.set([...circle].sort().join(), `${[...circle, room].join(' → ')}: rooms import each other in a circle`);
      return;
    }
    for (const next of edges.get(room) ?? []) walk(next, [...path, room]);
  };
  for (const room of edges.keys()) walk(room, []);
  return [...circles.values()];
};

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
