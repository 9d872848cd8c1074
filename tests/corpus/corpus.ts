/**
 * The hostile corpus as data: one JSON file per theme, each case with its bytes, the rule it breaks or keeps, and what may
 * come of it. The bytes are ours; the rules are those of RFC 9110 and 9112, and of docs/errors.md where we are stricter.
 */

import { readdirSync, readFileSync } from 'node:fs';

/** Text is latin1: one character, one byte. `["x", 1000]` among the pieces says `x` a thousand times. */
export type Bytes = string | readonly (string | readonly [text: string, times: number])[];

/**
 * What becomes of one request on the connection:
 *
 * - an object: it reaches the backend with these vars (`null`: this var is absent), exactly this `body` (default: none), and
 *   is answered 200. With `"cut": true` the client leaves in the middle of the body, of which no more than this has gone through;
 *   with `"maybe": true` it may be that not even the request has.
 * - `"400 bad-target"`: refused with this status and code, and the connection closes. Alternatives stand between `|`.
 * - `"keeps 400 bad-path"`: refused, and the connection goes on.
 * - `"incomplete"`: nothing happens until more comes; when the client leaves instead, nothing has happened.
 */
export type Outcome = string | Received;

export interface Received {
  readonly body?: Bytes;
  readonly cut?: boolean;
  readonly maybe?: boolean;
  readonly [name: string]: string | null | Bytes | boolean | undefined;
}

/** What stands behind ugate. */
export const NODE_KINDS = ['uwsgi', 'http'] as const;
export type NodeKind = (typeof NODE_KINDS)[number];

export interface RequestCase {
  readonly name: string;
  readonly rule: string;
  /** Where PROXY headers are read: `@PORT` is the client's port, `@@` the same in two bytes. */
  readonly send: Bytes;
  /** One outcome, or one for each request that the bytes hold. */
  readonly expect: Outcome | readonly Outcome[];
  /** The same before an HTTP node, where it differs: such a node gets the target as it came, and chunks as chunks. */
  readonly http?: Outcome | readonly Outcome[];
  /** The same over and over: cut in a few places only. */
  readonly repeats?: boolean;
  /** The connection closes behind the last answer though nothing was refused: HTTP/1.0, or Connection: close. */
  readonly closes?: boolean;
}

/** What the client sees of a backend's answer. */
export interface Seen {
  readonly status: number;
  readonly reason?: string;
  /** In lower case; `null`: absent; a list: these values in this order. */
  readonly headers?: Readonly<Record<string, string | null | readonly string[]>>;
  /** Of a 101: all that follows. */
  readonly body?: Bytes;
  /** The body once gzip has been taken off. */
  readonly gunzipped?: Bytes;
  readonly framing?: 'none' | 'length' | 'chunked' | 'close';
  /** Status codes of the interim answers before it. */
  readonly interims?: readonly number[];
  readonly trailers?: Readonly<Record<string, string>>;
  readonly closes?: boolean;
}

export interface AnswerCase {
  readonly name: string;
  readonly rule: string;
  /** Without `Host`, which is added, and with `TARGET` where the target stands. Default: a GET over HTTP/1.1. */
  readonly request?: string;
  readonly answer: Bytes;
  /** What the backend sends behind the answer, though nobody asked for it. */
  readonly behind?: Bytes;
  /** The answer comes as soon as the head of the request is there. */
  readonly early?: boolean;
  /**
   * How the backend ends its connection behind the answer. `hold` keeps it open. Default: `close` over uwsgi; over HTTP `hold` for an
   * answer that says where it ends.
   */
  readonly end?: 'close' | 'hold' | 'reset';
  /** `"502 upstream-bad-field"`: the client gets that instead. `"cut"`: the answer begins and its end is seen to be missing. */
  readonly expect: string | Seen;
}

export interface Theme<Case> {
  /** The file's name without its ending. */
  readonly name: string;
  readonly title: string;
  /** Options of ugate. */
  readonly args: readonly string[];
  /** What it is played before. */
  readonly nodes: readonly NodeKind[];
  readonly cases: readonly Case[];
}

const FOLDER = new URL('.', import.meta.url);

export function requestThemes(): Theme<RequestCase>[] {
  return themes(/^(?!answers-).*\.json$/);
}

export function answerThemes(): Theme<AnswerCase>[] {
  return themes(/^answers-.*\.json$/);
}

function themes<Case>(pattern: RegExp): Theme<Case>[] {
  const files = readdirSync(FOLDER).filter((name) => pattern.test(name));
  return files.sort().map((file) => {
    const data = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as { title: string; args?: string[]; nodes?: NodeKind[]; cases: Case[] };
    return { name: file.replace('.json', ''), title: data.title, args: data.args ?? [], nodes: data.nodes ?? NODE_KINDS, cases: data.cases };
  });
}

export function expand(bytes: Bytes): string {
  if (typeof bytes === 'string') return bytes;
  return bytes.map((piece) => (typeof piece === 'string' ? piece : piece[0].repeat(piece[1]))).join('');
}

/** Every place to cut a message of `length` bytes in two: all of the first 300, and a few of a longer one's rest. */
export function cuts(length: number): number[] {
  const all = Array.from({ length: Math.max(0, length - 1) }, (_, i) => i + 1);
  if (length <= 400) return all;
  const rest = Array.from({ length: 20 }, (_, i) => Math.floor(300 + ((length - 300) * i) / 20));
  const last = [8, 4, 3, 2, 1].map((back) => length - back);
  // A long message's borders are at its ends; what lies between is one run of the same byte.
  const first = length > 4000 ? all.slice(0, 60) : all.slice(0, 300);
  return [...new Set([...first, ...rest, ...last])];
}

/** The message byte by byte, or a long one in two hundred pieces. */
export function drip(bytes: string): string[] {
  const size = Math.max(1, Math.ceil(bytes.length / 200));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}
